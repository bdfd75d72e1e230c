//! `/v1/kinds`.

use std::sync::Arc;

use axum::{Json, extract::State};
use utakata_api::{inventory::KindView, page::Page};
use utakata_model::Kind;

use super::{
    Api, Refused,
    page::{self, PageQuery},
    query::Query,
};
use crate::kinds::Served;

/// The kinds that some environment serves, with what each can do.
#[utoipa::path(get, path = "/v1/kinds", operation_id = "list_kinds", tag = "system",
    params(PageQuery),
    responses((status = 200, description = "Kinds, by name", body = Page<KindView>)))]
pub(super) async fn list(
    State(api): State<Api>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<KindView>>, Refused> {
    let view = |(kind, served): (&Kind, &Arc<Served>)| KindView {
        kind: kind.clone(),
        release: served.release.clone(),
        manifest: served.manifest.clone(),
        environments: served.environments.clone(),
        targets: api.handle.inventory().of_kind(kind) as u64,
    };
    let served = api.handle.kinds().served();
    page::of(served.iter().map(view), &query, |one| one.kind.as_str()).map(Json)
}
