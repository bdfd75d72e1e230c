//! What people do with operations: approve, pause, resume, cancel.

use axum::{Json, extract::State};
use utakata_api::{ledger::Reason, operation::OperationView};
use utakata_model::{OperationId, PersonName};

use super::find;
use crate::{
    http::{Api, Refused, auth::Person, body, path::Path, said::said},
    ledger::Verb,
};

/// Says that an operation may be done, as somebody else than who asked for it.
#[utoipa::path(post, path = "/v1/operations/{id}/approve", operation_id = "approve_operation",
    tag = "control",
    params(("id" = OperationId, Path, description = "The operation's id")),
    request_body = Reason,
    responses((status = 200, description = "How it stands then", body = OperationView),
        (status = 409, description = "Not in its state, or not by this person",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(in crate::http) async fn approve(
    State(api): State<Api>,
    Path(id): Path<OperationId>,
    Person(by): Person,
    body::Json(reason): body::Json<Reason>,
) -> Result<Json<OperationView>, Refused> {
    change(&api, id, Verb::Approve, &by, &reason).await
}

/// Lets no further task of an operation begin; what has begun ends as it ends.
#[utoipa::path(post, path = "/v1/operations/{id}/pause", operation_id = "pause_operation",
    tag = "control",
    params(("id" = OperationId, Path, description = "The operation's id")),
    request_body = Reason,
    responses((status = 200, description = "How it stands then", body = OperationView),
        (status = 409, description = "Not in its state, or not by this person",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(in crate::http) async fn pause(
    State(api): State<Api>,
    Path(id): Path<OperationId>,
    Person(by): Person,
    body::Json(reason): body::Json<Reason>,
) -> Result<Json<OperationView>, Refused> {
    change(&api, id, Verb::Pause, &by, &reason).await
}

/// Lets an operation go on that was paused, or that has stopped after failures.
#[utoipa::path(post, path = "/v1/operations/{id}/resume", operation_id = "resume_operation",
    tag = "control",
    params(("id" = OperationId, Path, description = "The operation's id")),
    request_body = Reason,
    responses((status = 200, description = "How it stands then", body = OperationView),
        (status = 409, description = "Not in its state, or not by this person",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(in crate::http) async fn resume(
    State(api): State<Api>,
    Path(id): Path<OperationId>,
    Person(by): Person,
    body::Json(reason): body::Json<Reason>,
) -> Result<Json<OperationView>, Refused> {
    change(&api, id, Verb::Resume, &by, &reason).await
}

/// Takes back what has not begun of an operation; what has begun ends as it ends.
#[utoipa::path(post, path = "/v1/operations/{id}/cancel", operation_id = "cancel_operation",
    tag = "control",
    params(("id" = OperationId, Path, description = "The operation's id")),
    request_body = Reason,
    responses((status = 200, description = "How it stands then", body = OperationView),
        (status = 409, description = "Not in its state, or not by this person",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(in crate::http) async fn cancel(
    State(api): State<Api>,
    Path(id): Path<OperationId>,
    Person(by): Person,
    body::Json(reason): body::Json<Reason>,
) -> Result<Json<OperationView>, Refused> {
    change(&api, id, Verb::Cancel, &by, &reason).await
}

async fn change(
    api: &Api,
    id: OperationId,
    verb: Verb,
    by: &PersonName,
    reason: &Reason,
) -> Result<Json<OperationView>, Refused> {
    // Of none that there is, it is told so, and not that it is over.
    find(api, id).await?;
    let said = said(by, reason)?;
    api.handle.ledger().change(id, verb, said).await??;
    find(api, id).await.map(Json)
}
