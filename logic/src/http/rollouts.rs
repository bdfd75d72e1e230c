//! `/v1/rollouts`: rollouts of a kind to another release.

use axum::{Json, http::StatusCode};
use utakata_api::{
    ledger::Reason,
    page::Page,
    rollout::{KindAssignment, NewRollout, Pins, Placement, Rollout},
};
use utakata_model::{Kind, PersonName, RolloutId};
use utoipa_axum::routes;

use super::{
    Refused,
    allowed::{Allowed, Right, ToSee, ToServe},
    body,
    caller::Person,
    page::{self, PageQuery},
    path::Path,
    query::{Query, cursor, limit},
    reason::{check, statement},
    route::{
        Answered::{Anywhere, ByKeeper},
        BodySize::{NoBody, OneThing},
        Route,
        TimeLimit::{Patient, Prompt},
    },
    verb::verbs,
};
use crate::{code::Code, desired::rollouts::RolloutVerb};

pub(super) fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::new(Anywhere, NoBody, Prompt, routes!(list)),
        Route::new(ByKeeper, OneThing, Patient, routes!(post)),
        Route::new(Anywhere, NoBody, Prompt, routes!(get)),
        Route::new(Anywhere, NoBody, Prompt, routes!(desired)),
        Route::new(ByKeeper, OneThing, Prompt, routes!(pins)),
        Route::new(ByKeeper, OneThing, Prompt, routes!(placement)),
    ];
    routes.extend(verbs());
    routes
}

/// The largest number of waves, and of pins, in a request.
const MAX_LISTED: usize = 100;

/// Lists rollouts, newest first.
#[utoipa::path(get, path = "/v1/rollouts", operation_id = "list_rollouts", tag = "rollouts",
    params(PageQuery),
    responses((status = 200, description = "Rollouts, newest first", body = Page<Rollout>)))]
pub(super) async fn list(
    Allowed { api, .. }: Allowed<ToSee>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Rollout>>, Refused> {
    let max = limit(query.limit)?;
    let before: Option<RolloutId> = cursor(query.cursor.as_deref())?;
    let rollouts = api.handle.rollouts();
    let found = rollouts.list(before, max as u32 + 1).await?;
    Ok(Json(page::cut(found, max, |one| one.id.to_string())))
}

/// Begins a rollout of a kind to another release, environment by environment.
///
/// The serving release continues until the new one has shown that it is as good. If it is not, the
/// serving release stays, and the rollout gives the reason.
#[utoipa::path(post, path = "/v1/rollouts", operation_id = "begin_rollout", tag = "rollouts",
    request_body = NewRollout,
    responses((status = 201, description = "The rollout at its start", body = Rollout),
        (status = 404, description = "No such kind or release",
            body = utakata_api::Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is already in service, or the kind is already being rolled out",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn post(
    Allowed { api, .. }: Allowed<ToServe>,
    Person(by): Person,
    body::Json(mut requested): body::Json<NewRollout>,
) -> Result<(StatusCode, Json<Rollout>), Refused> {
    requested.why = requested.why.as_deref().map(check).transpose()?;
    at_most("waves", requested.waves.len())?;
    let rollout = api.handle.rollouts().begin(requested, by).await?;
    Ok((StatusCode::CREATED, Json(rollout)))
}

/// Returns a rollout and its progress.
#[utoipa::path(get, path = "/v1/rollouts/{id}", operation_id = "get_rollout", tag = "rollouts",
    params(("id" = RolloutId, Path, description = "The rollout's id")),
    responses((status = 200, description = "Its progress", body = Rollout)))]
pub(super) async fn get(
    Allowed { api, .. }: Allowed<ToSee>,
    Path(id): Path<RolloutId>,
) -> Result<Json<Rollout>, Refused> {
    Ok(Json(api.handle.rollouts().find(id).await?))
}

verbs! {
    tag = "rollouts", done by change(Path<RolloutId>, Reason) -> Rollout,
    params(("id" = RolloutId, Path, description = "The rollout's id")),
    answer = "The task afterwards";

    /// Pauses a rollout in its present phase.
    pause(RolloutVerb::Pause) needs ToServe: "/v1/rollouts/{id}/pause", "pause_rollout",
        409 "Its state does not allow it";
    /// Resumes a rollout that was paused.
    resume(RolloutVerb::Resume) needs ToServe: "/v1/rollouts/{id}/resume", "resume_rollout",
        409 "Its state does not allow it";
    /// Promotes a rollout: in each environment it leaves its present phase without further
    /// evidence.
    ///
    /// Evidence against the new release still turns it back.
    promote(RolloutVerb::Promote) needs ToServe: "/v1/rollouts/{id}/promote", "promote_rollout",
        409 "Its state does not allow it";
    /// Aborts a rollout: the previous release serves again everywhere.
    abort(RolloutVerb::Abort) needs ToServe: "/v1/rollouts/{id}/abort", "abort_rollout",
        409 "Its state does not allow it";
}

async fn change<R: Right>(
    allowed: &Allowed<R>,
    Path(id): Path<RolloutId>,
    verb: RolloutVerb,
    by: PersonName,
    reason: Reason,
) -> Result<Rollout, Refused> {
    let api = &allowed.api;
    let statement = statement(&by, &reason)?;
    Ok(api.handle.rollouts().change(id, verb, statement).await?)
}

/// Returns the desired state of a kind: the release that serves it, its pins, and its placement.
#[utoipa::path(get, path = "/v1/kinds/{kind}/desired", operation_id = "get_kind_desired",
    tag = "rollouts", params(("kind" = Kind, Path, description = "The kind")),
    responses((status = 200, description = "Its desired state; empty if nothing is set", body = KindAssignment)))]
pub(super) async fn desired(
    Allowed { api, .. }: Allowed<ToSee>,
    Path(kind): Path<Kind>,
) -> Result<Json<KindAssignment>, Refused> {
    Ok(Json(api.handle.desired().of_kind(&kind).0))
}

/// Sets the pins of a kind, replacing the previous ones.
#[utoipa::path(put, path = "/v1/kinds/{kind}/pins", operation_id = "pin_kind", tag = "rollouts",
    params(("kind" = Kind, Path, description = "The kind")), request_body = Pins,
    responses((status = 200, description = "The desired state of the kind afterwards", body = KindAssignment)))]
pub(super) async fn pins(
    Allowed { api, .. }: Allowed<ToServe>,
    Path(kind): Path<Kind>,
    Person(by): Person,
    body::Json(pins): body::Json<Pins>,
) -> Result<Json<KindAssignment>, Refused> {
    at_most("pins", pins.pins.len())?;
    let requested = api.handle.rollouts().pin(&kind, pins).await?;
    tracing::info!(%kind, pins = requested.pins.len(), %by, "targets are pinned to releases");
    Ok(Json(requested))
}

/// Sets the environments that serve a kind, replacing the previous placement.
///
/// The others finish their running tasks of it. If no environment of a zone matches, the tasks of
/// that zone wait.
#[utoipa::path(put, path = "/v1/kinds/{kind}/placement", operation_id = "place_kind",
    tag = "rollouts",
    params(("kind" = Kind, Path, description = "The kind")), request_body = Placement,
    responses((status = 200, description = "The desired state of the kind afterwards", body = KindAssignment)))]
pub(super) async fn placement(
    Allowed { api, .. }: Allowed<ToServe>,
    Path(kind): Path<Kind>,
    Person(by): Person,
    body::Json(placement): body::Json<Placement>,
) -> Result<Json<KindAssignment>, Refused> {
    let requested = api.handle.rollouts().place(&kind, placement).await?;
    let environments = requested.placement.as_ref().map(ToString::to_string);
    tracing::info!(%kind, environments, %by, "a kind is placed");
    Ok(Json(requested))
}

fn at_most(what: &str, count: usize) -> Result<(), Refused> {
    if count <= MAX_LISTED {
        return Ok(());
    }
    let detail = format!("{count} {what} are given, and the limit is {MAX_LISTED}");
    Err(Refused::new(Code::BodyInvalid, detail, "give fewer"))
}
