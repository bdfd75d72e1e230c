//! `/v1/credentials`: secrets go in and never come out.

use axum::{Json, http::StatusCode};
use utakata_api::{apply::Change, inventory::CredentialView, page::Page};
use utakata_model::{Credential, CredentialName, TargetName};
use utoipa_axum::routes;

use super::{
    Refused,
    allowed::{Allowed, ToSeeAll, ToWriteSecrets},
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

/// Lists all credentials, by name, without their secrets.
#[utoipa::path(get, path = "/v1/credentials", operation_id = "list_credentials",
    tag = "inventory", params(PageQuery),
    responses((status = 200, description = "Credentials, by name", body = Page<CredentialView>)))]
pub(super) async fn list(
    Allowed { api, .. }: Allowed<ToSeeAll>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<CredentialView>>, Refused> {
    let credentials = api.handle.inventory().credentials();
    page::of(credentials, &query, |one| one.name.as_str()).map(Json)
}

/// Returns one credential, without its secrets.
#[utoipa::path(get, path = "/v1/credentials/{name}", operation_id = "get_credential",
    tag = "inventory",
    params(("name" = TargetName, Path, description = "The credential's name")),
    responses((status = 200, description = "The credential", body = CredentialView)))]
pub(super) async fn get(
    Allowed { api, .. }: Allowed<ToSeeAll>,
    Path(name): Path<CredentialName>,
) -> Result<Json<CredentialView>, Refused> {
    Ok(Json(api.handle.inventory().credential(&name)?))
}

/// Creates or replaces a credential.
#[utoipa::path(put, path = "/v1/credentials/{name}", operation_id = "put_credential",
    tag = "inventory",
    params(("name" = TargetName, Path, description = "The credential's name, as in the body")),
    request_body = Credential,
    responses((status = 200, description = "The changes; secrets are shown as ***", body = Change)))]
pub(super) async fn put(
    allowed: Allowed<ToWriteSecrets>,
    Path(name): Path<CredentialName>,
    AnyJson(body): AnyJson,
) -> Result<Json<Change>, Refused> {
    apply::one(&allowed, "credential", name.as_str(), body).await
}

/// Deletes a credential that no target uses.
#[utoipa::path(delete, path = "/v1/credentials/{name}", operation_id = "delete_credential",
    tag = "inventory",
    params(("name" = TargetName, Path, description = "The credential's name")),
    responses((status = 204, description = "Deleted"),
        (status = 409, description = "Targets use it", body = utakata_api::Problem,
            content_type = "application/problem+json")))]
pub(super) async fn delete(
    allowed: Allowed<ToWriteSecrets>,
    Path(name): Path<CredentialName>,
) -> Result<StatusCode, Refused> {
    let api = &allowed.api;
    api.handle.inventory().delete_credential(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}
