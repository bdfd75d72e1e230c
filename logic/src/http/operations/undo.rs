//! Undoing of operations.

use std::sync::Arc;

use axum::Json;
use utakata_api::operation::{Undo, UndoAnswer, Undone};
use utakata_model::OperationId;

use super::{find, none};
use crate::{
    control::undo::{UndoRequest, UndoResult},
    http::{
        Refused,
        allowed::{Allowed, ToControl},
        body,
        path::Path,
        reason::check,
    },
};

/// Undoes an operation, by one new operation for each action and its parameters.
///
/// Targets where nothing was changed, or that cannot be undone, are left out, and the answer gives
/// the reasons.
#[utoipa::path(post, path = "/v1/operations/{id}/undo", operation_id = "undo_operation",
    tag = "control",
    params(("id" = OperationId, Path, description = "The operation's id")),
    request_body = Undo,
    responses((status = 200, description = "The plan, or the operation that carries it out", body = UndoAnswer),
        (status = 409, description = "The plan has changed",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(in crate::http) async fn undo(
    allowed: Allowed<ToControl>,
    Path(id): Path<OperationId>,
    body::Json(mut undo): body::Json<Undo>,
) -> Result<Json<UndoAnswer>, Refused> {
    let api = &allowed.api;
    undo.why = undo.why.as_deref().map(check).transpose()?;
    let by = allowed.caller.actor();
    let rights = Arc::clone(&allowed.caller.rights);
    let requested = UndoRequest {
        id,
        undo,
        by,
        rights,
    };
    let answer = match api.handle.control().undo(requested).await? {
        None => return Err(none(id)),
        Some(UndoResult::Plan(plan)) => UndoAnswer::Plan(plan),
        Some(UndoResult::Undone(ids, left_out)) => {
            let mut operations = Vec::with_capacity(ids.len());
            for id in ids {
                operations.push(find(api, id).await?);
            }
            UndoAnswer::Undone(Undone {
                operations,
                left_out,
            })
        }
    };
    Ok(Json(answer))
}
