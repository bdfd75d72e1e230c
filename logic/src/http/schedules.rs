//! `/v1/schedules`.

use axum::{Json, http::StatusCode};
use utakata_api::{apply::Change, page::Page};
use utakata_model::{Schedule, ScheduleName};
use utoipa_axum::routes;

use super::{
    Refused,
    allowed::{Allowed, ToChangeSite, ToSee},
    apply,
    body::AnyJson,
    page::{self, PageQuery},
    path::Path,
    query::Query,
    route::{
        Answered::{Anywhere, ByKeeper},
        BodySize::{NoBody, OneThing},
        Route,
        TimeLimit::Prompt,
    },
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Anywhere, NoBody, Prompt, routes!(list)),
        Route::new(Anywhere, NoBody, Prompt, routes!(get)),
        Route::new(ByKeeper, OneThing, Prompt, routes!(put)),
        Route::new(ByKeeper, NoBody, Prompt, routes!(delete)),
    ]
}

/// Lists all schedules, by name.
#[utoipa::path(get, path = "/v1/schedules", operation_id = "list_schedules", tag = "inventory",
    params(PageQuery),
    responses((status = 200, description = "Schedules, by name", body = Page<Schedule>)))]
pub(super) async fn list(
    Allowed { api, .. }: Allowed<ToSee>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Schedule>>, Refused> {
    let schedules = api.handle.inventory().schedules();
    let schedules = schedules.iter().map(|one| one.as_ref().clone());
    page::of(schedules, &query, |one| one.name.as_str()).map(Json)
}

/// Returns one schedule.
#[utoipa::path(get, path = "/v1/schedules/{name}", operation_id = "get_schedule",
    tag = "inventory",
    params(("name" = ScheduleName, Path, description = "The schedule's name")),
    responses((status = 200, description = "The schedule", body = Schedule)))]
pub(super) async fn get(
    Allowed { api, .. }: Allowed<ToSee>,
    Path(name): Path<ScheduleName>,
) -> Result<Json<Schedule>, Refused> {
    let schedule = api.handle.inventory().schedule(&name)?;
    Ok(Json(schedule.as_ref().clone()))
}

/// Creates or replaces a schedule.
#[utoipa::path(put, path = "/v1/schedules/{name}", operation_id = "put_schedule",
    tag = "inventory",
    params(("name" = ScheduleName, Path, description = "The schedule's name, as in the body")),
    request_body = Schedule,
    responses((status = 200, description = "The changes", body = Change)))]
pub(super) async fn put(
    allowed: Allowed<ToChangeSite>,
    Path(name): Path<ScheduleName>,
    AnyJson(body): AnyJson,
) -> Result<Json<Change>, Refused> {
    apply::one(&allowed, "schedule", name.as_str(), body).await
}

/// Deletes a schedule.
#[utoipa::path(delete, path = "/v1/schedules/{name}", operation_id = "delete_schedule",
    tag = "inventory",
    params(("name" = ScheduleName, Path, description = "The schedule's name")),
    responses((status = 204, description = "Deleted")))]
pub(super) async fn delete(
    allowed: Allowed<ToChangeSite>,
    Path(name): Path<ScheduleName>,
) -> Result<StatusCode, Refused> {
    let api = &allowed.api;
    api.handle.inventory().delete_schedule(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}
