//! Explanations in a line: what operations and tasks wait for.

use axum::Json;
use utakata_api::ledger::Explanation;
use utakata_model::{OperationId, TaskId};
use utoipa_axum::routes;

use super::{
    Api, Refused,
    allowed::{Allowed, ToSee},
    operations,
    path::Path,
    route::{Answered::ByKeeper, BodySize::NoBody, Route, TimeLimit::Prompt},
    tasks,
};
use crate::ledger::{self, Facts};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(ByKeeper, NoBody, Prompt, routes!(operation)),
        Route::new(ByKeeper, NoBody, Prompt, routes!(task)),
    ]
}

/// Explains what an operation waits for, until when, and who can change it.
#[utoipa::path(get, path = "/v1/operations/{id}/explain", operation_id = "explain_operation",
    tag = "control",
    params(("id" = OperationId, Path, description = "The operation's id")),
    responses((status = 200, description = "The explanation", body = Explanation)))]
pub(super) async fn operation(
    allowed: Allowed<ToSee>,
    Path(id): Path<OperationId>,
) -> Result<Json<Explanation>, Refused> {
    let api = &allowed.api;
    let found = operations::find(api, id).await?;
    operations::seen(&allowed, &found)?;
    let facts = facts(api);
    if let Some(explanation) = api.handle.ledger().explain_operation(id, facts).await? {
        return Ok(Json(explanation));
    }
    Ok(Json(ledger::explain_over(found.state, &found.counts)))
}

/// Explains what a task waits for, until when, and who can change it.
#[utoipa::path(get, path = "/v1/tasks/{id}/explain", operation_id = "explain_task",
    tag = "control",
    params(("id" = TaskId, Path, description = "The task's id")),
    responses((status = 200, description = "The explanation", body = Explanation)))]
pub(super) async fn task(
    allowed: Allowed<ToSee>,
    Path(id): Path<TaskId>,
) -> Result<Json<Explanation>, Refused> {
    let api = &allowed.api;
    let found = tasks::find(api, id).await?;
    allowed.check([&found.target])?;
    let facts = facts(api);
    if let Some(explanation) = api.handle.ledger().explain_task(id, facts).await? {
        return Ok(Json(explanation));
    }
    let under_way = api
        .handle
        .dispatch()
        .under_way(1, |found, _, _| found == id);
    if let Some(read) = under_way.first() {
        let explanation = ledger::explain_read(&read.known.target, &read.batch, &self::facts(api));
        return Ok(Json(explanation));
    }
    Ok(Json(ledger::explain_ended(
        found.state,
        found.outcome.as_ref(),
    )))
}

fn facts(api: &Api) -> Facts {
    let desired = api.handle.desired();
    let state = desired.state();
    Facts {
        environments: api.handle.kinds().environments(),
        orders: state.orders(),
        standing: state.scopes.clone(),
        kinds: state.kinds.clone(),
        pins: desired.pins(),
    }
}
