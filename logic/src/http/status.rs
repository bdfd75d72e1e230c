//! `/v1/status`.

use axum::Json;
use utakata_api::status::Status;
use utoipa_axum::routes;

use super::{
    allowed::{Allowed, ToSee},
    route::{Answered::Anywhere, BodySize::NoBody, Route, TimeLimit::Prompt},
};

pub(super) fn routes() -> Vec<Route> {
    vec![Route::new(Anywhere, NoBody, Prompt, routes!(get))]
}

/// Returns the status of the system.
#[utoipa::path(get, path = "/v1/status", operation_id = "get_status", tag = "system",
    responses((status = 200, description = "The state of the system", body = Status)))]
pub(super) async fn get(Allowed { api, .. }: Allowed<ToSee>) -> Json<Status> {
    Json(api.handle.status())
}
