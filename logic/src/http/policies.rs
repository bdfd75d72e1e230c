//! `/v1/policies`: what acts by itself.

mod acts;
mod refused;
mod view;

use axum::{Json, http::StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use utakata_api::{
    apply::{Change, Named},
    page::Page,
    policy::{PolicyExplanation, PolicyTest, PolicyView, TestPolicy},
};
use utakata_model::{Policy, PolicyName, TargetName};
use utakata_policy::Decided;
use utoipa_axum::routes;

use super::{
    Refused,
    allowed::{Allowed, ToChangeSite, ToSeeAll},
    apply, body,
    body::AnyJson,
    page::{self, PageQuery},
    path::Path,
    query::Query,
    route::{
        Answered::ByKeeper,
        BodySize::{NoBody, OneThing},
        Route,
        TimeLimit::{Patient, Prompt},
    },
};
use crate::{
    clock,
    code::Code,
    policies::{self, rehearse, replay},
};

/// The longest time of a test, in days.
const MAX_TEST_DAYS: i64 = 90;
/// The time before a moment from which its decisions are computed, in seconds: as long as timers
/// usually run.
const LOOK_BACK: i64 = 2 * 3600;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(ByKeeper, NoBody, Prompt, routes!(list)),
        Route::new(ByKeeper, NoBody, Prompt, routes!(get)),
        Route::new(ByKeeper, OneThing, Prompt, routes!(put)),
        Route::new(ByKeeper, NoBody, Prompt, routes!(delete)),
        Route::new(ByKeeper, OneThing, Patient, routes!(test)),
        Route::new(ByKeeper, NoBody, Patient, routes!(explain)),
        Route::new(ByKeeper, OneThing, Patient, routes!(acts::arm)),
        Route::new(ByKeeper, OneThing, Patient, routes!(acts::shadow)),
        Route::new(ByKeeper, OneThing, Patient, routes!(acts::off)),
        Route::new(ByKeeper, OneThing, Patient, routes!(acts::stop)),
        Route::new(ByKeeper, OneThing, Patient, routes!(acts::resume)),
    ]
}

/// Lists all policies, by name, with what they decided last.
#[utoipa::path(get, path = "/v1/policies", operation_id = "list_policies", tag = "smart control",
    params(PageQuery),
    responses((status = 200, description = "Policies, by name", body = Page<PolicyView>)))]
pub(super) async fn list(
    Allowed { api, .. }: Allowed<ToSeeAll>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<PolicyView>>, Refused> {
    page::of(view::all(&api).await?, &query, |one| {
        one.policy.name.as_str()
    })
    .map(Json)
}

/// Returns one policy, with what it decided last.
#[utoipa::path(get, path = "/v1/policies/{name}", operation_id = "get_policy",
    tag = "smart control",
    params(("name" = PolicyName, Path, description = "The policy's name")),
    responses((status = 200, description = "The policy", body = PolicyView)))]
pub(super) async fn get(
    Allowed { api, .. }: Allowed<ToSeeAll>,
    Path(name): Path<PolicyName>,
) -> Result<Json<PolicyView>, Refused> {
    view::one(&api, &name).await.map(Json)
}

/// Creates or replaces a policy. One that has changed is in shadow again, and hands back what it has
/// changed.
#[utoipa::path(put, path = "/v1/policies/{name}", operation_id = "put_policy",
    tag = "smart control",
    params(("name" = PolicyName, Path, description = "The policy's name, as in the body")),
    request_body = Policy,
    responses((status = 200, description = "The changes", body = Change),
        (status = 409, description = "The policy is not in the state for it",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn put(
    allowed: Allowed<ToChangeSite>,
    Path(name): Path<PolicyName>,
    AnyJson(body): AnyJson,
) -> Result<Json<Change>, Refused> {
    apply::one(&allowed, "policy", name.as_str(), body).await
}

/// Deletes a policy. It hands back what it has changed.
#[utoipa::path(delete, path = "/v1/policies/{name}", operation_id = "delete_policy",
    tag = "smart control",
    params(("name" = PolicyName, Path, description = "The policy's name")),
    responses((status = 204, description = "Deleted"),
        (status = 409, description = "The policy is not in the state for it",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn delete(
    Allowed { api, .. }: Allowed<ToChangeSite>,
    Path(name): Path<PolicyName>,
) -> Result<StatusCode, Refused> {
    api.handle.inventory().policy(&name)?;
    let gone = vec![Named::Policy(name)];
    api.handle.apply(Vec::new(), gone, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tests a policy over a time of the past: what it would have done, and the token with which it can
/// be armed. Nothing is done.
#[utoipa::path(post, path = "/v1/policies/{name}/test", operation_id = "test_policy",
    tag = "smart control",
    params(("name" = PolicyName, Path, description = "The policy's name")),
    request_body = TestPolicy,
    responses((status = 200, description = "What it would have done", body = PolicyTest),
        (status = 409, description = "The policy is not in the state for it",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn test(
    Allowed { api, .. }: Allowed<ToChangeSite>,
    Path(name): Path<PolicyName>,
    body::Json(asked): body::Json<TestPolicy>,
) -> Result<Json<PolicyTest>, Refused> {
    let policy = api.handle.inventory().policy(&name)?;
    let to = clock::now();
    let days = i64::try_from(asked.since.as_secs() / 86_400).unwrap_or(i64::MAX);
    let from = to.checked_sub(asked.since).ok();
    let Some(from) = from.filter(|_| days <= MAX_TEST_DAYS && !asked.since.is_zero()) else {
        let detail = format!("a test is over at most {MAX_TEST_DAYS} days until now");
        return Err(Refused::new(
            Code::BodyInvalid,
            detail,
            "as in `since`: \"30d\"",
        ));
    };
    let history = api.handle.history().ok_or(policies::Error::NoHistory)?;
    let inventory = api.handle.inventory();
    let tested = rehearse(&policy, inventory, history, (from, to), None).await?;
    if let Some(token) = tested.token.clone() {
        api.handle.policies().tested(name, token).await?;
    }
    Ok(Json(view::test(tested)))
}

/// A question about the decisions of a policy.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ExplainQuery {
    /// The time; now when not given.
    #[param(value_type = Option<String>, format = "date-time")]
    at: Option<Timestamp>,
    /// The target of `for_each`.
    target: Option<TargetName>,
}

/// Explains the decisions of a policy: the last ones, or those of a time of the past, which are
/// computed from history: those that were made, or if the state of that time is not known, those
/// that the policy would have made in shadow as it is declared now.
#[utoipa::path(get, path = "/v1/policies/{name}/explain", operation_id = "explain_policy",
    tag = "smart control",
    params(("name" = PolicyName, Path, description = "The policy's name"), ExplainQuery),
    responses((status = 200, description = "The decisions", body = PolicyExplanation),
        (status = 409, description = "The policy is not in the state for it",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn explain(
    Allowed { api, .. }: Allowed<ToSeeAll>,
    Path(name): Path<PolicyName>,
    Query(query): Query<ExplainQuery>,
) -> Result<Json<PolicyExplanation>, Refused> {
    let policy = api.handle.inventory().policy(&name)?;
    let Some(at) = query.at else {
        let mut view = view::one(&api, &name).await?;
        let wanted = query.target.as_ref();
        view.instances
            .retain(|one| wanted.is_none() || one.target.as_ref() == wanted);
        return Ok(Json(PolicyExplanation {
            policy: name,
            at: clock::now(),
            recomputed: false,
            exact: true,
            instances: view.instances,
        }));
    };
    let history = api.handle.history().ok_or(policies::Error::NoHistory)?;
    let (inventory, target) = (api.handle.inventory(), query.target.as_ref());
    let sources = (api.handle.store(), history);
    let made = replay(&policy, inventory, sources, at, target).await?;
    let is_exact = made.is_some();
    let explained = |decided: Vec<(Option<TargetName>, Decided)>| {
        let instances = decided.into_iter().map(|one| view::decided(one, at));
        Json(PolicyExplanation {
            policy: name,
            at,
            recomputed: true,
            exact: is_exact,
            instances: instances.collect(),
        })
    };
    if let Some(made) = made {
        return Ok(explained(made));
    }
    let from = at.checked_sub(jiff::SignedDuration::from_secs(LOOK_BACK));
    let range = (from.unwrap_or(at), at);
    let computed = rehearse(&policy, inventory, history, range, target).await?;
    Ok(explained(computed.last))
}
