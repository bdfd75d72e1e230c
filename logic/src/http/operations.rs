//! `/v1/operations`: control, and earlier requests.

mod approval;
mod changes;
mod undo;

use axum::Json;
use serde::Deserialize;
use utakata_api::{
    operation::{Control, ControlAnswer, OperationView},
    page::Page,
};
use utakata_model::{Class, OperationId};
use utoipa_axum::routes;

use super::{
    Api, Refused,
    allowed::{Allowed, Right, ToControl, ToSee},
    body, page,
    path::Path,
    query::{Query, cursor, limit},
    reads, reason,
    route::{
        Answered::{Anywhere, ByKeeper},
        BodySize::{NoBody, OneThing},
        Route,
        TimeLimit::{Patient, Prompt},
    },
    tasks,
};
use crate::{code::Code, control::Answer, dispatch::MAX_SHOWN, store::OperationRow};

pub(super) fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::new(Anywhere, NoBody, Prompt, routes!(list)),
        Route::new(ByKeeper, OneThing, Patient, routes!(post)),
        Route::new(Anywhere, NoBody, Prompt, routes!(get)),
        Route::new(ByKeeper, OneThing, Patient, routes!(undo::undo)),
    ];
    routes.extend(changes::verbs());
    routes
}

/// A query for operations.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OperationQuery {
    /// `control` (the default), of which all are kept, or `observe`, of which the latest thousand
    /// reads on demand are kept.
    #[param(inline)]
    class: Option<Class>,
    /// The largest number of items in the answer.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// The `next` of the previous page.
    #[param(min_length = 1, max_length = 512)]
    cursor: Option<String>,
}

/// Lists operations, newest first.
#[utoipa::path(get, path = "/v1/operations", operation_id = "list_operations", tag = "control",
    params(OperationQuery),
    responses((status = 200, description = "Operations, newest first", body = Page<OperationView>)))]
pub(super) async fn list(
    allowed: Allowed<ToSee>,
    Query(query): Query<OperationQuery>,
) -> Result<Json<Page<OperationView>>, Refused> {
    let api = &allowed.api;
    let max = limit(query.limit)?;
    let mut before: Option<OperationId> = cursor(query.cursor.as_deref())?;
    if query.class == Some(Class::Observe) {
        let mut found = Vec::new();
        while found.len() <= max {
            let wanted = max + 1 - found.len();
            let more = api.handle.observe().operations(before, wanted);
            let is_end = more.len() < wanted;
            before = more.last().map(|read| read.operation.id).or(before);
            let seen = more.into_iter();
            found.extend(seen.filter(|read| allowed.concerns(&read.operation)));
            if is_end {
                break;
            }
        }
        let items = found.iter().map(reads::view).collect();
        return Ok(Json(page::cut(items, max, |one: &OperationView| {
            one.operation.id.to_string()
        })));
    }
    let mut builder = page::PageBuilder::new(max);
    while let Some(wanted) = builder.wanted() {
        let found = api.handle.store().operations(before, wanted).await?;
        before = found.last().map(|row| row.operation.id).or(before);
        let fetched = found.len();
        let seen = found.into_iter();
        let seen = seen.filter(|row| allowed.concerns(&row.operation));
        builder.add_some(fetched, seen.map(|row| shortened(row_view(row))));
    }
    Ok(Json(builder.page(|one| one.operation.id.to_string())))
}

/// Controls the selected targets: one action that changes something.
///
/// Everything is checked before anything is sent, and every task is recorded before the request is
/// answered.
#[utoipa::path(post, path = "/v1/operations", operation_id = "control", tag = "control",
    request_body = Control,
    responses((status = 200, description = "The plan, or the progress of the operation", body = ControlAnswer)))]
pub(super) async fn post(
    allowed: Allowed<ToControl>,
    body::Json(mut requested): body::Json<Control>,
) -> Result<Json<ControlAnswer>, Refused> {
    let api = &allowed.api;
    reason::check_size(&requested.selector, &requested.parameters)?;
    requested.why = requested.why.as_deref().map(reason::check).transpose()?;
    requested
        .key
        .as_deref()
        .map(reason::check_key)
        .transpose()?;
    if requested.break_glass && requested.why.is_none() {
        let detail = "the envelopes are to be overridden, and nobody says why";
        let cure = "give the reason: `why` (--why 'the room is on fire')";
        return Err(Refused::new(Code::BodyInvalid, detail, cure));
    }
    let is_waited_for = !requested.wait.is_zero();
    let by = allowed.caller.actor();
    let rights = &allowed.caller.rights;
    api.handle.kinds().first().await;
    let answer = api.handle.control().ask(requested, Some(by), rights).await;
    let answer = answer.map_err(|error| Refused::from(error).and_away(api));
    let (id, is_known) = match answer? {
        Answer::Plan(plan) => return Ok(Json(ControlAnswer::Plan(plan))),
        Answer::Operation(id) => (id, false),
        Answer::Known(id) => (id, true),
    };
    let mut answer = match is_waited_for {
        true => find_with_tasks(api, id).await?,
        false => find(api, id).await?,
    };
    answer.is_known = is_known;
    Ok(Json(ControlAnswer::Operation(Box::new(answer))))
}

/// Returns an operation, or a read on demand that is remembered.
#[utoipa::path(get, path = "/v1/operations/{id}", operation_id = "get_operation",
    tag = "control",
    params(("id" = OperationId, Path, description = "The operation's id")),
    responses((status = 200, description = "Its progress", body = OperationView)))]
pub(super) async fn get(
    allowed: Allowed<ToSee>,
    Path(id): Path<OperationId>,
) -> Result<Json<OperationView>, Refused> {
    let api = &allowed.api;
    let found = find(api, id).await?;
    seen(&allowed, &found)?;
    Ok(Json(found))
}

/// Checks that an operation concerns the caller.
///
/// # Errors
/// It concerns no target on which the caller has the right.
pub(super) fn seen<R: Right>(allowed: &Allowed<R>, found: &OperationView) -> Result<(), Refused> {
    match allowed.concerns(&found.operation) {
        true => Ok(()),
        false => Err(allowed.refusal()),
    }
}

pub(super) async fn find(api: &Api, id: OperationId) -> Result<OperationView, Refused> {
    if let Some(read) = api.handle.observe().operation(id) {
        return Ok(reads::view(&read));
    }
    match api.handle.store().operation(id).await? {
        Some(row) => Ok(row_view(row)),
        None => Err(none(id)),
    }
}

/// Returns an operation with its tasks, read at the same moment as their counts.
async fn find_with_tasks(api: &Api, id: OperationId) -> Result<OperationView, Refused> {
    let store = api.handle.store();
    let found = store.operation_with_tasks(id, MAX_SHOWN as u32).await?;
    let (row, rows) = found.ok_or_else(|| none(id))?;
    let mut view = row_view(row);
    view.tasks = rows.into_iter().map(tasks::row_view).collect();
    Ok(view)
}

/// Shortens an operation for lists, where a reason as long as a body would be too much.
fn shortened(mut view: OperationView) -> OperationView {
    if let Some(why) = &mut view.operation.why
        && let Some((end, _)) = why.char_indices().nth(reason::MAX_REASON)
    {
        why.truncate(end);
        why.push_str("...");
    }
    view
}

fn none(id: OperationId) -> Refused {
    Refused::new(
        Code::NotFound,
        format!("there is no operation {id}"),
        "see `utakata operation list` (GET /v1/operations); reads on demand are kept in memory only, the last thousand",
    )
}

fn row_view(row: OperationRow) -> OperationView {
    OperationView {
        operation: row.operation,
        counts: row.counts,
        state: Some(row.progress.state),
        approved: row.progress.approved,
        changed: row.progress.changed,
        undone_by: row.undone_by,
        is_known: false,
        tasks: Vec::new(),
    }
}
