//! `/v1/targets`.

use std::sync::Arc;

use axum::{Json, http::StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use utakata_api::{
    apply::Change,
    inventory::{Health, TargetView},
    page::Page,
};
use utakata_model::{Selector, Target, TargetName, suggest};
use utoipa_axum::routes;

use super::{
    Api, Refused,
    allowed::{Allowed, ToChangeTargets, ToSee},
    apply,
    body::AnyJson,
    locks, page,
    path::Path,
    query::{Query, cursor, limit},
    route::{
        Answered::{Anywhere, ByKeeper},
        BodySize::{NoBody, OneThing},
        Route,
        TimeLimit::Prompt,
    },
};
use crate::{
    inventory::TargetEntry,
    observe::{Coverage, health},
    observed::Observed,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Anywhere, NoBody, Prompt, routes!(list)),
        Route::new(ByKeeper, NoBody, Prompt, routes!(get)),
        Route::new(ByKeeper, OneThing, Prompt, routes!(put)),
        Route::new(ByKeeper, NoBody, Prompt, routes!(delete)),
    ]
}

/// A query for targets.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TargetQuery {
    /// The selector: `kind=apc-pdu,room=A,rack in (A1,A2)`. Empty means all targets.
    #[serde(default)]
    #[param(max_length = 65536)]
    selector: Selector,
    /// The health of the targets: one or more of `answering`, `failing`, `stale`, `unobserved` and
    /// `unseen`, separated by commas. Empty means any.
    #[serde(default)]
    #[param(value_type = String, max_length = 100)]
    health: HealthFilter,
    /// The largest number of items in the answer.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// The `next` of the previous page.
    #[param(min_length = 1, max_length = 512)]
    cursor: Option<String>,
}

/// Lists the selected targets, by name.
#[utoipa::path(get, path = "/v1/targets", operation_id = "list_targets", tag = "inventory",
    params(TargetQuery),
    responses((status = 200, description = "Targets, by name", body = Page<TargetView>)))]
pub(super) async fn list(
    allowed: Allowed<ToSee>,
    Query(query): Query<TargetQuery>,
) -> Result<Json<Page<TargetView>>, Refused> {
    let api = &allowed.api;
    let max = limit(query.limit)?;
    let after: Option<TargetName> = cursor(query.cursor.as_deref())?;
    let viewer = Viewer::of(api);
    let inventory = api.handle.inventory();
    let mut after = after;
    let mut items: Vec<TargetView> = Vec::new();
    loop {
        let found = inventory.page(&query.selector, after.as_ref(), max + 1);
        let seen = found
            .iter()
            .filter(|known| allowed.scope.covers(&known.target));
        let views = seen.map(|known| viewer.view(known));
        items.extend(views.filter(|view| query.health.have(view.health)));
        // When filtering by health or rights, a page may need more than one look.
        match found.last() {
            Some(last) if found.len() > max && items.len() <= max => {
                after = Some(last.target.name.clone());
            }
            _ => break,
        }
    }
    Ok(Json(page::cut(items, max, |one| {
        one.target.name.to_string()
    })))
}

/// Returns one target.
#[utoipa::path(get, path = "/v1/targets/{name}", operation_id = "get_target", tag = "inventory",
    params(("name" = TargetName, Path, description = "The target's name")),
    responses((status = 200, description = "The target", body = TargetView)))]
pub(super) async fn get(
    allowed: Allowed<ToSee>,
    Path(name): Path<TargetName>,
) -> Result<Json<TargetView>, Refused> {
    let api = &allowed.api;
    let known = allowed.target(&name)?;
    let mut view = Viewer::of(api).view(&known);
    view.missing = api.handle.observed().look(known.device, |seen| {
        seen.missing.values().flatten().cloned().collect()
    });
    view.control = Some(locks::lane(api, name).await?);
    Ok(Json(view))
}

/// Creates or replaces a target.
#[utoipa::path(put, path = "/v1/targets/{name}", operation_id = "put_target", tag = "inventory",
    params(("name" = TargetName, Path, description = "The target's name, as in the body")),
    request_body = Target,
    responses((status = 200, description = "The changes", body = Change)))]
pub(super) async fn put(
    allowed: Allowed<ToChangeTargets>,
    Path(name): Path<TargetName>,
    AnyJson(body): AnyJson,
) -> Result<Json<Change>, Refused> {
    apply::one(&allowed, "target", name.as_str(), body).await
}

/// Deletes a target, with its observations.
#[utoipa::path(delete, path = "/v1/targets/{name}", operation_id = "delete_target",
    tag = "inventory",
    params(("name" = TargetName, Path, description = "The target's name")),
    responses((status = 204, description = "Deleted")))]
pub(super) async fn delete(
    allowed: Allowed<ToChangeTargets>,
    Path(name): Path<TargetName>,
) -> Result<StatusCode, Refused> {
    let known = allowed.target(&name)?;
    allowed.api.handle.delete_target(&name).await?;
    allowed.changes.add([apply::deleted(&known.target)]);
    Ok(StatusCode::NO_CONTENT)
}

/// The health of the wanted targets; none means any.
#[derive(Debug, Default, Deserialize)]
#[serde(try_from = "String")]
struct HealthFilter(Vec<Health>);

impl HealthFilter {
    fn have(&self, health: Health) -> bool {
        self.0.is_empty() || self.0.contains(&health)
    }
}

impl TryFrom<String> for HealthFilter {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let words = text
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty());
        let health = |word: &str| {
            let found = Health::ALL.into_iter().find(|one| one.as_str() == word);
            found.ok_or_else(|| {
                let hint = suggest::hint(word, Health::ALL.iter().map(|one| one.as_str()));
                format!("no target is \"{word}\": {hint}")
            })
        };
        words.map(health).collect::<Result<_, _>>().map(Self)
    }
}

/// A builder of the views of targets.
struct Viewer<'a> {
    observed: &'a Observed,
    coverage: Arc<Coverage>,
    now: Timestamp,
    started: Timestamp,
}

impl<'a> Viewer<'a> {
    fn of(api: &'a Api) -> Self {
        Self {
            observed: api.handle.observed(),
            coverage: api.handle.observe().coverage(),
            now: crate::clock::now(),
            started: api.handle.started(),
        }
    }

    fn view(&self, known: &TargetEntry) -> TargetView {
        let covers = self.coverage.of(&known.target.name);
        self.observed.look(known.device, |seen| TargetView {
            target: known.target.as_ref().clone(),
            health: health(seen, covers, self.now, self.started),
            answered: seen.answered,
            problem: seen.problem.clone().or_else(|| seen.shortcoming()),
            missing: Vec::new(),
            recognition: seen.recognition.clone(),
            control: None,
        })
    }
}
