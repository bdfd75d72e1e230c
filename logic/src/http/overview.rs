//! `/v1/overview`.

use axum::Json;
use utakata_api::overview::Overview;
use utoipa_axum::routes;

use super::{
    Refused,
    allowed::{Allowed, ToSeeAll},
    route::{Answered::ByKeeperIfAny, BodySize::NoBody, Route, TimeLimit::Prompt},
};

pub(super) fn routes() -> Vec<Route> {
    vec![Route::new(ByKeeperIfAny, NoBody, Prompt, routes!(get))]
}

/// Returns an overview of what is wrong now: failing targets, in groups, and everything else that
/// needs somebody's attention.
///
/// The answer is of limited size, however large the site is, and may be a second old. It is never
/// older than a change that was requested and answered.
#[utoipa::path(get, path = "/v1/overview", operation_id = "get_overview", tag = "system",
    responses((status = 200, description = "The current problems", body = Overview)))]
pub(super) async fn get(Allowed { api, .. }: Allowed<ToSeeAll>) -> Result<Json<Overview>, Refused> {
    let overview = api.handle.overview().await?;
    Ok(Json(Overview::clone(&overview)))
}
