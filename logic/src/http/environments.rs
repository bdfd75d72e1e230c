//! `/v1/environments`.

use axum::{Json, extract::State};
use utakata_api::page::Page;
use utakata_model::EnvironmentStatus;

use super::{
    Api, Refused,
    page::{self, PageQuery},
    query::Query,
};

/// Every environment that was heard of.
#[utoipa::path(get, path = "/v1/environments", operation_id = "list_environments",
    tag = "system", params(PageQuery),
    responses((status = 200, description = "Environments, by id", body = Page<EnvironmentStatus>)))]
pub(super) async fn list(
    State(api): State<Api>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<EnvironmentStatus>>, Refused> {
    let environments = api.handle.kinds().environments();
    let environments = environments.iter().map(|one| one.as_ref().clone());
    page::of(environments, &query, |one| one.id.as_str()).map(Json)
}
