//! `/v1/alarm-rules`: the rules by which alarms are raised.

mod replay;

use std::collections::BTreeMap;

use axum::{Json, http::StatusCode};
use utakata_alarm::shipped;
use utakata_api::{alarm::AlarmRuleView, apply::Change, page::Page};
use utakata_model::{AlarmName, AlarmRule};
use utoipa_axum::routes;

use super::{
    Api, Refused,
    allowed::{Allowed, ToChangeSite, ToSee},
    apply,
    body::AnyJson,
    page::{self, PageQuery},
    path::Path,
    query::Query,
    route::{
        Answered::{Anywhere, ByKeeper},
        BodySize::{NoBody, OneThing},
        Route,
        TimeLimit::{Patient, Prompt},
    },
};
use crate::inventory;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Anywhere, NoBody, Prompt, routes!(list)),
        Route::new(Anywhere, NoBody, Prompt, routes!(get)),
        Route::new(ByKeeper, OneThing, Prompt, routes!(put)),
        Route::new(ByKeeper, NoBody, Prompt, routes!(delete)),
        Route::new(Anywhere, OneThing, Patient, routes!(replay::post)),
    ]
}

/// Lists all alarm rules, by name: those of this site, and those that come with utakata.
#[utoipa::path(get, path = "/v1/alarm-rules", operation_id = "list_alarm_rules", tag = "alarms",
    params(PageQuery),
    responses((status = 200, description = "Alarm rules, by name", body = Page<AlarmRuleView>)))]
pub(super) async fn list(
    Allowed { api, .. }: Allowed<ToSee>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<AlarmRuleView>>, Refused> {
    let rules = all(&api).into_values();
    page::of(rules, &query, |one| one.rule.name.as_str()).map(Json)
}

/// Returns one alarm rule.
#[utoipa::path(get, path = "/v1/alarm-rules/{name}", operation_id = "get_alarm_rule",
    tag = "alarms",
    params(("name" = AlarmName, Path, description = "The rule's name")),
    responses((status = 200, description = "The rule", body = AlarmRuleView)))]
pub(super) async fn get(
    Allowed { api, .. }: Allowed<ToSee>,
    Path(name): Path<AlarmName>,
) -> Result<Json<AlarmRuleView>, Refused> {
    let mut rules = all(&api);
    let found = rules.remove(&name);
    found
        .map(Json)
        .ok_or_else(|| inventory::Error::none("alarm-rule", name.as_str(), rules.keys()).into())
}

fn all(api: &Api) -> BTreeMap<AlarmName, AlarmRuleView> {
    let view = |rule: AlarmRule, shipped| {
        let name = rule.name.clone();
        let overrides = false;
        (
            name,
            AlarmRuleView {
                rule,
                shipped,
                overrides,
            },
        )
    };
    let mut rules: BTreeMap<AlarmName, AlarmRuleView> =
        shipped().into_iter().map(|rule| view(rule, true)).collect();
    for rule in api.handle.inventory().alarm_rules() {
        let (name, mut own) = view(AlarmRule::clone(&rule), false);
        own.overrides = rules.contains_key(&name);
        rules.insert(name, own);
    }
    rules
}

/// Creates or replaces an alarm rule. One of the name of a shipped rule takes its place; with `off`
/// it switches it off.
#[utoipa::path(put, path = "/v1/alarm-rules/{name}", operation_id = "put_alarm_rule",
    tag = "alarms",
    params(("name" = AlarmName, Path, description = "The rule's name, as in the body")),
    request_body = AlarmRule,
    responses((status = 200, description = "The changes", body = Change)))]
pub(super) async fn put(
    allowed: Allowed<ToChangeSite>,
    Path(name): Path<AlarmName>,
    AnyJson(body): AnyJson,
) -> Result<Json<Change>, Refused> {
    apply::one(&allowed, "alarm", name.as_str(), body).await
}

/// Deletes an alarm rule of this site. A shipped rule of its name is in force again.
#[utoipa::path(delete, path = "/v1/alarm-rules/{name}", operation_id = "delete_alarm_rule",
    tag = "alarms",
    params(("name" = AlarmName, Path, description = "The rule's name")),
    responses((status = 204, description = "Deleted")))]
pub(super) async fn delete(
    allowed: Allowed<ToChangeSite>,
    Path(name): Path<AlarmName>,
) -> Result<StatusCode, Refused> {
    let api = &allowed.api;
    api.handle.inventory().delete_alarm_rule(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}
