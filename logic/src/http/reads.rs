//! `/v1/reads`: reads on demand.

use std::sync::Arc;

use axum::Json;
use utakata_api::{
    operation::{OperationView, Read},
    task::TaskView,
};
use utakata_model::{Class, Origin, TaskState};
use utoipa_axum::routes;

use super::{
    Refused,
    allowed::{Allowed, ToRead},
    body,
    caller::Person,
    reason,
    route::{Answered::Anywhere, BodySize::OneThing, Route, TimeLimit::Patient},
    tasks,
};
use crate::{
    dispatch::{MAX_SHOWN, Shown, UnderWay},
    observe::{BegunRead, KnownRead, ReadOperation},
};

pub(super) fn routes() -> Vec<Route> {
    vec![Route::new(Anywhere, OneThing, Patient, routes!(post))]
}

/// Reads targets now: one task for each selected target.
///
/// With `wait`, the answer is sent when all have ended, or after that time, and shows the first
/// thousand tasks with their readings. Without it, the answer is sent at once, with counts only.
/// With `max_age`, targets whose last values are younger are not asked: their task is the one that
/// saw these values.
#[utoipa::path(post, path = "/v1/reads", operation_id = "read", tag = "observe",
    request_body = Read,
    responses((status = 200, description = "Its progress", body = OperationView)))]
pub(super) async fn post(
    allowed: Allowed<ToRead>,
    Person(by): Person,
    body::Json(read): body::Json<Read>,
) -> Result<Json<OperationView>, Refused> {
    let api = &allowed.api;
    reason::check_size(&read.selector, &read.parameters)?;
    allowed.check_selected(&read.selector)?;
    api.handle.kinds().first().await;
    let read = api.handle.observe().read(read, Some(by)).await;
    let BegunRead { read, tasks, known } =
        read.map_err(|error| Refused::from(error).and_away(api))?;
    let mut answer = view(&read);
    let (counts, mut seen) = read.progress.take();
    answer.counts = counts;
    answer.counts.succeeded += known.len() as u64;
    let shown = tasks
        .iter()
        .map(|one| shown_task(one, seen.remove(&one.id)));
    answer.tasks = shown.collect();
    let room = MAX_SHOWN.saturating_sub(answer.tasks.len());
    let known = known.iter().take(room).map(|one| known_task(&read, one));
    answer.tasks.extend(known);
    Ok(Json(answer))
}

/// Returns a target's last values as the task that has read them.
fn known_task(read: &ReadOperation, known: &KnownRead) -> TaskView {
    let KnownRead { entry, readings } = known;
    TaskView {
        id: readings.seen_by.task,
        attempt: readings.seen_by.attempt,
        origin: Origin::Operation(read.operation.id),
        target: entry.target.name.clone(),
        kind: entry.target.kind.clone(),
        action: readings.action.clone(),
        class: Class::Observe,
        parameters: read.operation.parameters.clone(),
        state: TaskState::Succeeded,
        made: readings.time,
        expires: readings.time,
        outcome: None,
        attempts: Vec::new(),
        prior: None,
        readings: readings.readings.clone(),
    }
}

/// Returns a read without its tasks.
pub(super) fn view(read: &Arc<ReadOperation>) -> OperationView {
    OperationView {
        operation: read.operation.clone(),
        counts: read.progress.counts(),
        state: None,
        approved: None,
        changed: None,
        undone_by: Vec::new(),
        is_known: false,
        tasks: Vec::new(),
    }
}

fn shown_task(task: &UnderWay, seen: Option<Shown>) -> TaskView {
    let mut view = tasks::view(task, TaskState::Queued);
    if let Some(Shown { outcome, readings }) = seen {
        tasks::end(&mut view, Some(outcome.get()));
        view.readings = readings
            .map(|seen| seen.readings.clone())
            .unwrap_or_default();
    }
    view
}
