//! `/v1/tasks`: control tasks from the ledger, the latest observe tasks from memory.

use axum::Json;
use serde::Deserialize;
use utakata_api::{
    ledger::{self, Reason, Settle},
    page::Page,
    task::TaskView,
};
use utakata_model::{
    Class, OperationId, Origin, Outcome, OutcomeStatus, TargetName, TaskId, TaskState,
};
use utoipa_axum::routes;

use super::{
    Api, Refused,
    allowed::{Allowed, ToControl, ToSee, ToSettle},
    body,
    caller::Person,
    page,
    path::Path,
    query::{Query, cursor, limit},
    reason::statement,
    route::{
        Answered::{Anywhere, ByKeeper},
        BodySize::{NoBody, OneThing},
        Route,
        TimeLimit::{Patient, Prompt},
    },
};
use crate::{
    code::Code,
    dispatch::{Batch, EndedRead, UnderWay},
    inventory::TargetEntry,
    ledger::Verdict,
    store::{TaskFilter, TaskRow},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Anywhere, NoBody, Prompt, routes!(list)),
        Route::new(Anywhere, NoBody, Prompt, routes!(get)),
        Route::new(ByKeeper, OneThing, Patient, routes!(settle)),
        Route::new(ByKeeper, OneThing, Patient, routes!(cancel)),
    ]
}

/// A query for tasks.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TaskQuery {
    /// The operation that they belong to.
    operation: Option<OperationId>,
    /// The state that they are in.
    #[param(inline)]
    state: Option<TaskState>,
    /// The target that they are for.
    target: Option<TargetName>,
    /// The class of their action.
    #[param(inline)]
    class: Option<Class>,
    /// The largest number of items in the answer.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// The `next` of the previous page.
    #[param(min_length = 1, max_length = 512)]
    cursor: Option<String>,
}

/// Lists tasks, newest first. All control tasks are kept; of observe tasks, those under way and the
/// latest that have ended.
#[utoipa::path(get, path = "/v1/tasks", operation_id = "list_tasks", tag = "control",
    params(TaskQuery),
    responses((status = 200, description = "Tasks, newest first", body = Page<TaskView>)))]
pub(super) async fn list(
    allowed: Allowed<ToSee>,
    Query(query): Query<TaskQuery>,
) -> Result<Json<Page<TaskView>>, Refused> {
    let max = limit(query.limit)?;
    let filter = TaskFilter {
        operation: query.operation,
        state: query.state,
        target: query.target,
        before: cursor(query.cursor.as_deref())?,
    };
    let mut kept = Page {
        items: Vec::new(),
        next: None,
    };
    if query.class != Some(Class::Observe) {
        kept = recorded(&allowed, filter.clone(), max).await?;
    }
    if query.class == Some(Class::Control) {
        return Ok(Json(kept));
    }
    let Page { mut items, next } = kept;
    let last = next.and(items.last().map(|one| one.id));
    items.extend(observed(&allowed, &filter, max + 1));
    // Tasks older than the last of this page come with the next.
    items.retain(|one| last.is_none_or(|last| one.id >= last));
    items.sort_unstable_by_key(|one| std::cmp::Reverse(one.id));
    // A task that ended between the two looks occurs twice: the ended one comes last.
    items.dedup_by(|later, first| later.id == first.id);
    let mut page = page::cut(items, max, |one| one.id.to_string());
    if last.is_some() && page.next.is_none() {
        page.next = page.items.last().map(|one| one.id.to_string());
    }
    Ok(Json(page))
}

/// Returns control tasks, newest first.
async fn recorded(
    allowed: &Allowed<ToSee>,
    mut filter: TaskFilter,
    max: usize,
) -> Result<Page<TaskView>, Refused> {
    let mut builder = page::PageBuilder::new(max);
    while let Some(count) = builder.wanted() {
        let rows = allowed.api.handle.store().tasks(&filter, count).await?;
        filter.before = rows.last().map(|row| row.task.id).or(filter.before);
        let fetched = rows.len();
        let seen = rows.into_iter();
        let seen = seen.filter(|row| allowed.covers(&row.task.target));
        builder.add_some(fetched, seen.map(row_view));
    }
    Ok(builder.page(|one| one.id.to_string()))
}

/// Returns one task.
#[utoipa::path(get, path = "/v1/tasks/{id}", operation_id = "get_task", tag = "control",
    params(("id" = TaskId, Path, description = "The task's id")),
    responses((status = 200, description = "The task", body = TaskView)))]
pub(super) async fn get(
    allowed: Allowed<ToSee>,
    Path(id): Path<TaskId>,
) -> Result<Json<TaskView>, Refused> {
    let found = find(&allowed.api, id).await?;
    allowed.check([&found.target])?;
    Ok(Json(found))
}

/// Settles a control task by stating its outcome, which nobody else can know.
#[utoipa::path(post, path = "/v1/tasks/{id}/settle", operation_id = "settle_task",
    tag = "control",
    params(("id" = TaskId, Path, description = "The task's id")),
    request_body = Settle,
    responses((status = 200, description = "The task afterwards", body = TaskView),
        (status = 409, description = "It needs no statement, or not yet",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn settle(
    allowed: Allowed<ToSettle>,
    Path(id): Path<TaskId>,
    Person(by): Person,
    body::Json(settle): body::Json<Settle>,
) -> Result<Json<TaskView>, Refused> {
    let api = &allowed.api;
    let found = find(api, id).await?;
    allowed.check([&found.target])?;
    let why = Some(settle.why);
    let statement = statement(&by, &Reason { why })?;
    let verdict = match settle.verdict {
        ledger::Verdict::Succeeded => Verdict::Succeeded,
        ledger::Verdict::Failed => Verdict::Failed,
        ledger::Verdict::Again => Verdict::Again,
    };
    api.handle.ledger().settle(id, verdict, statement).await??;
    find(api, id).await.map(Json)
}

/// Cancels a control task that has not begun. A running attempt ends as usual, and no further one
/// is made.
#[utoipa::path(post, path = "/v1/tasks/{id}/cancel", operation_id = "cancel_task",
    tag = "control",
    params(("id" = TaskId, Path, description = "The task's id")),
    request_body = Reason,
    responses((status = 200, description = "The task afterwards", body = TaskView),
        (status = 409, description = "It has ended",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn cancel(
    allowed: Allowed<ToControl>,
    Path(id): Path<TaskId>,
    Person(by): Person,
    body::Json(reason): body::Json<Reason>,
) -> Result<Json<TaskView>, Refused> {
    let api = &allowed.api;
    let found = find(api, id).await?;
    allowed.check([&found.target])?;
    let statement = statement(&by, &reason)?;
    api.handle.ledger().cancel(id, statement).await??;
    find(api, id).await.map(Json)
}

/// Finds a control task in the ledger, or a read in memory.
pub(super) async fn find(api: &Api, id: TaskId) -> Result<TaskView, Refused> {
    if let Some(row) = api.handle.store().task(id).await? {
        return Ok(row_view(row));
    }
    let dispatch = api.handle.dispatch();
    let under_way = dispatch.under_way(1, |found, _, _| found == id);
    let ended = dispatch.ended(1, |one| one.id == id);
    let ended = ended.first().map(ended_view);
    let under_way = under_way.first().map(|one| view(one, TaskState::Queued));
    ended.or(under_way).ok_or_else(|| {
        Refused::new(
            Code::NotFound,
            format!("there is no task {id}"),
            "see `utakata task list` (GET /v1/tasks); of observe tasks only the latest are kept, in memory",
        )
    })
}

fn observed(allowed: &Allowed<ToSee>, filter: &TaskFilter, max: usize) -> Vec<TaskView> {
    let is_meant = |id: TaskId, batch: &Batch, known: &TargetEntry| {
        let operation = |id| batch.origin == Origin::Operation(id);
        let target = |name: &TargetName| known.target.name == *name;
        allowed.scope.covers(&known.target)
            && filter.operation.is_none_or(operation)
            && filter.target.as_ref().is_none_or(target)
            && filter.before.is_none_or(|before| id < before)
    };
    let is_in = |state| filter.state.is_none_or(|wanted| wanted == state);
    let dispatch = allowed.api.handle.dispatch();
    let ended = dispatch.ended(max, |one| {
        is_meant(one.id, &one.batch, &one.known) && is_in(one.outcome.get().status.into())
    });
    let mut views: Vec<TaskView> = ended.iter().map(ended_view).collect();
    if is_in(TaskState::Queued) {
        let under_way = dispatch.under_way(max, is_meant);
        views.extend(under_way.iter().map(|one| view(one, TaskState::Queued)));
    }
    views
}

/// Returns the view of a task under way.
pub(super) fn view(task: &UnderWay, state: TaskState) -> TaskView {
    let UnderWay { id, batch, known } = task;
    TaskView {
        id: *id,
        attempt: 1,
        origin: batch.origin.clone(),
        target: known.target.name.clone(),
        kind: known.target.kind.clone(),
        action: batch.action.clone(),
        class: batch.class,
        parameters: batch.parameters.to_json(),
        state,
        made: batch.made,
        expires: batch.expires,
        outcome: None,
        attempts: Vec::new(),
        prior: None,
        readings: Vec::new(),
    }
}

/// Adds the end of a task to its view.
pub(super) fn end(view: &mut TaskView, outcome: Option<&Outcome>) {
    if let Some(outcome) = outcome {
        view.state = outcome.status.into();
        view.outcome = Some(outcome.clone());
    }
}

fn ended_view(ended: &EndedRead) -> TaskView {
    let task = UnderWay {
        id: ended.id,
        batch: ended.batch.clone(),
        known: ended.known.clone(),
    };
    let mut view = view(&task, OutcomeStatus::Unknown.into());
    end(&mut view, Some(ended.outcome.get()));
    view
}

/// Returns the view of a task of the ledger.
pub(super) fn row_view(row: TaskRow) -> TaskView {
    let TaskRow { task, progress } = row;
    TaskView {
        id: task.id,
        attempt: progress.attempt,
        origin: task.origin(),
        class: task.class(),
        parameters: task.parameters.to_json(),
        target: task.target,
        kind: task.kind,
        action: task.action,
        state: progress.state,
        made: task.made,
        expires: progress.expires.unwrap_or(task.expires),
        outcome: progress.outcome,
        attempts: progress.attempts,
        prior: progress.prior,
        readings: Vec::new(),
    }
}
