//! `/v1/rollouts`: the way of a kind to another release.

use axum::{Json, extract::State, http::StatusCode};
use utakata_api::{
    ledger::Reason,
    page::Page,
    rollout::{KindAsked, NewRollout, Pins, Placement, Rollout},
};
use utakata_model::{Kind, PersonName, RolloutId};

use super::{
    Api, Refused,
    auth::Person,
    body,
    page::{self, PageQuery},
    path::Path,
    query::{Query, cursor, limit},
    said::{said, why},
};
use crate::desired::rollouts::Verb;

/// The most waves, and pins, that one request may have.
const MOST: usize = 100;

/// Rollouts, newest first.
#[utoipa::path(get, path = "/v1/rollouts", operation_id = "list_rollouts", tag = "rollouts",
    params(PageQuery),
    responses((status = 200, description = "Rollouts, newest first", body = Page<Rollout>)))]
pub(super) async fn list(
    State(api): State<Api>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Rollout>>, Refused> {
    let most = limit(query.limit)?;
    let before: Option<RolloutId> = cursor(query.cursor.as_deref())?;
    let rollouts = api.handle.rollouts();
    let found = rollouts.list(before, most as u32 + 1).await?;
    Ok(Json(page::cut(found, most, |one| one.id.to_string())))
}

/// Begins to bring a kind to another release, environment by environment.
///
/// The release that serves goes on until the new one has shown that it is as good; if it is
/// not, it stays, and the rollout says why.
#[utoipa::path(post, path = "/v1/rollouts", operation_id = "begin_rollout", tag = "rollouts",
    request_body = NewRollout,
    responses((status = 201, description = "The rollout, as it begins", body = Rollout),
        (status = 404, description = "No such kind or release",
            body = utakata_api::Problem, content_type = "application/problem+json"),
        (status = 409, description = "It serves already, or the kind is on its way already",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn post(
    State(api): State<Api>,
    Person(by): Person,
    body::Json(mut asked): body::Json<NewRollout>,
) -> Result<(StatusCode, Json<Rollout>), Refused> {
    asked.why = asked.why.as_deref().map(why).transpose()?;
    at_most("waves", asked.waves.len())?;
    let rollout = api.handle.rollouts().begin(asked, by).await?;
    Ok((StatusCode::CREATED, Json(rollout)))
}

/// A rollout, and how far it is.
#[utoipa::path(get, path = "/v1/rollouts/{id}", operation_id = "get_rollout", tag = "rollouts",
    params(("id" = RolloutId, Path, description = "The rollout's id")),
    responses((status = 200, description = "How far it is", body = Rollout)))]
pub(super) async fn get(
    State(api): State<Api>,
    Path(id): Path<RolloutId>,
) -> Result<Json<Rollout>, Refused> {
    Ok(Json(api.handle.rollouts().find(id).await?))
}

/// Lets a rollout stay where it is.
#[utoipa::path(post, path = "/v1/rollouts/{id}/pause", operation_id = "pause_rollout",
    tag = "rollouts", params(("id" = RolloutId, Path, description = "The rollout's id")),
    request_body = Reason,
    responses((status = 200, description = "How it stands then", body = Rollout),
        (status = 409, description = "It is not in its state",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn pause(
    State(api): State<Api>,
    Path(id): Path<RolloutId>,
    Person(by): Person,
    body::Json(reason): body::Json<Reason>,
) -> Result<Json<Rollout>, Refused> {
    change(&api, id, Verb::Pause, &by, &reason).await
}

/// Lets a rollout go on that was paused.
#[utoipa::path(post, path = "/v1/rollouts/{id}/resume", operation_id = "resume_rollout",
    tag = "rollouts", params(("id" = RolloutId, Path, description = "The rollout's id")),
    request_body = Reason,
    responses((status = 200, description = "How it stands then", body = Rollout),
        (status = 409, description = "It is not in its state",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn resume(
    State(api): State<Api>,
    Path(id): Path<RolloutId>,
    Person(by): Person,
    body::Json(reason): body::Json<Reason>,
) -> Result<Json<Rollout>, Refused> {
    change(&api, id, Verb::Resume, &by, &reason).await
}

/// Lets a rollout leave the phase in which each environment is now, without more evidence.
///
/// What has been seen against the new release still turns it back.
#[utoipa::path(post, path = "/v1/rollouts/{id}/promote", operation_id = "promote_rollout",
    tag = "rollouts", params(("id" = RolloutId, Path, description = "The rollout's id")),
    request_body = Reason,
    responses((status = 200, description = "How it stands then", body = Rollout),
        (status = 409, description = "It is not in its state",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn promote(
    State(api): State<Api>,
    Path(id): Path<RolloutId>,
    Person(by): Person,
    body::Json(reason): body::Json<Reason>,
) -> Result<Json<Rollout>, Refused> {
    change(&api, id, Verb::Promote, &by, &reason).await
}

/// Takes a rollout back: the release of before serves again, everywhere.
#[utoipa::path(post, path = "/v1/rollouts/{id}/abort", operation_id = "abort_rollout",
    tag = "rollouts", params(("id" = RolloutId, Path, description = "The rollout's id")),
    request_body = Reason,
    responses((status = 200, description = "How it stands then", body = Rollout),
        (status = 409, description = "It is not in its state",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn abort(
    State(api): State<Api>,
    Path(id): Path<RolloutId>,
    Person(by): Person,
    body::Json(reason): body::Json<Reason>,
) -> Result<Json<Rollout>, Refused> {
    change(&api, id, Verb::Abort, &by, &reason).await
}

async fn change(
    api: &Api,
    id: RolloutId,
    verb: Verb,
    by: &PersonName,
    reason: &Reason,
) -> Result<Json<Rollout>, Refused> {
    let said = said(by, reason)?;
    Ok(Json(api.handle.rollouts().change(id, verb, said).await?))
}

/// What is asked of a kind: which release serves it, who keeps another one, and where it is
/// served.
#[utoipa::path(get, path = "/v1/kinds/{kind}/desired", operation_id = "get_kind_desired",
    tag = "rollouts", params(("kind" = Kind, Path, description = "The kind")),
    responses((status = 200, description = "Empty where nothing is asked", body = KindAsked)))]
pub(super) async fn desired(
    State(api): State<Api>,
    Path(kind): Path<Kind>,
) -> Result<Json<KindAsked>, Refused> {
    Ok(Json(api.handle.desired().of_kind(&kind).0))
}

/// Says which targets of a kind keep which release, in place of what was said before.
#[utoipa::path(put, path = "/v1/kinds/{kind}/pins", operation_id = "pin_kind", tag = "rollouts",
    params(("kind" = Kind, Path, description = "The kind")), request_body = Pins,
    responses((status = 200, description = "What is asked of the kind then", body = KindAsked)))]
pub(super) async fn pins(
    State(api): State<Api>,
    Path(kind): Path<Kind>,
    Person(by): Person,
    body::Json(pins): body::Json<Pins>,
) -> Result<Json<KindAsked>, Refused> {
    at_most("pins", pins.pins.len())?;
    let asked = api.handle.rollouts().pin(&kind, pins).await?;
    tracing::info!(%kind, pins = asked.pins.len(), %by, "targets are pinned to releases");
    Ok(Json(asked))
}

/// Says which environments serve a kind, in place of what was said before.
///
/// The others end what they have begun of it. Where no environment of a zone is meant, its
/// tasks wait.
#[utoipa::path(put, path = "/v1/kinds/{kind}/placement", operation_id = "place_kind",
    tag = "rollouts",
    params(("kind" = Kind, Path, description = "The kind")), request_body = Placement,
    responses((status = 200, description = "What is asked of the kind then", body = KindAsked)))]
pub(super) async fn placement(
    State(api): State<Api>,
    Path(kind): Path<Kind>,
    Person(by): Person,
    body::Json(placement): body::Json<Placement>,
) -> Result<Json<KindAsked>, Refused> {
    let asked = api.handle.rollouts().place(&kind, placement).await?;
    let environments = asked.placement.as_ref().map(ToString::to_string);
    tracing::info!(%kind, environments, %by, "a kind is placed");
    Ok(Json(asked))
}

fn at_most(what: &str, count: usize) -> Result<(), Refused> {
    if count <= MOST {
        return Ok(());
    }
    let detail = format!("{count} {what} are given, and {MOST} are the most");
    Err(Refused::new("body-invalid", detail, "give fewer"))
}
