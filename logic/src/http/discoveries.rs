//! `/v1/discoveries`: addresses asked what is there.

use axum::{Json, http::StatusCode};
use utakata_api::{
    discovery::{Discover, DiscoveryView},
    page::Page,
};
use utakata_model::{OperationId, Verb};
use utoipa_axum::routes;

use super::{
    Refused,
    allowed::{Allowed, ToChangeSite, ToSeeAll},
    body,
    caller::Person,
    page::{self, PageQuery},
    path::Path,
    query::Query,
    route::{
        Answered::ByKeeper,
        BodySize::{NoBody, OneThing},
        Route,
        TimeLimit::{Patient, Prompt},
    },
};
use crate::{code::Code, rights::Object};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(ByKeeper, OneThing, Patient, routes!(begin)),
        Route::new(ByKeeper, NoBody, Prompt, routes!(list)),
        Route::new(ByKeeper, NoBody, Prompt, routes!(get)),
        Route::new(ByKeeper, NoBody, Patient, routes!(cancel)),
    ]
}

/// Begins to ask addresses what is there, and answers at once.
///
/// At most ten addresses a second are asked for each kind, each once, and nobody logs in unless a
/// credential is named. One discovery runs in a zone at a time. What is found becomes proposals.
#[utoipa::path(post, path = "/v1/discoveries", operation_id = "discover", tag = "inventory",
    request_body = Discover,
    responses((status = 202, description = "It has begun", body = DiscoveryView),
        (status = 404, description = "There is no such credential",
            body = utakata_api::Problem, content_type = "application/problem+json"),
        (status = 409, description = "One runs in the zone already",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn begin(
    allowed: Allowed<ToChangeSite>,
    Person(by): Person,
    body::Json(request): body::Json<Discover>,
) -> Result<(StatusCode, Json<DiscoveryView>), Refused> {
    if request.credential.is_some() && !allowed.caller.rights.allow(Verb::SecretUse, Object::Site) {
        let detail = format!(
            "{by} does not have the right {} on everything, and the credential would be sent to \
             whatever answers",
            Verb::SecretUse
        );
        let cure = "leave out the credential, or ask somebody who may (`utakata role list`)";
        return Err(Refused::new(Code::Forbidden, detail, cure));
    }
    let view = allowed.api.handle.discovery().begin(request, by)?;
    Ok((StatusCode::ACCEPTED, Json(view)))
}

/// Lists the latest discoveries, the oldest first. They are remembered until the logic environment
/// that keeps the ledger restarts; what they found stays.
#[utoipa::path(get, path = "/v1/discoveries", operation_id = "list_discoveries",
    tag = "inventory", params(PageQuery),
    responses((status = 200, description = "Discoveries", body = Page<DiscoveryView>)))]
pub(super) async fn list(
    allowed: Allowed<ToSeeAll>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<DiscoveryView>>, Refused> {
    let runs = allowed.api.handle.discovery().runs();
    let keyed = runs.into_iter().map(|run| (run.id.to_string(), run));
    let page = page::of(keyed, &query, |(id, _)| id)?;
    Ok(Json(Page {
        items: page.items.into_iter().map(|(_, run)| run).collect(),
        next: page.next,
    }))
}

/// Returns a discovery.
#[utoipa::path(get, path = "/v1/discoveries/{id}", operation_id = "get_discovery",
    tag = "inventory",
    params(("id" = OperationId, Path, description = "The identifier of the discovery")),
    responses((status = 200, description = "The discovery", body = DiscoveryView)))]
pub(super) async fn get(
    allowed: Allowed<ToSeeAll>,
    Path(id): Path<OperationId>,
) -> Result<Json<DiscoveryView>, Refused> {
    Ok(Json(allowed.api.handle.discovery().run_view(id)?))
}

/// Ends a discovery before it has asked all addresses: what is being asked still answers, within
/// seconds.
#[utoipa::path(post, path = "/v1/discoveries/{id}/cancel", operation_id = "cancel_discovery",
    tag = "inventory",
    params(("id" = OperationId, Path, description = "The identifier of the discovery")),
    responses((status = 200, description = "The discovery", body = DiscoveryView)))]
pub(super) async fn cancel(
    allowed: Allowed<ToChangeSite>,
    Path(id): Path<OperationId>,
) -> Result<Json<DiscoveryView>, Refused> {
    Ok(Json(allowed.api.handle.discovery().cancel(id)?))
}
