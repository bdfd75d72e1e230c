//! `/v1/tokens`: the tokens of people and services.

use axum::{Json, http::StatusCode};
use utakata_api::{
    page::Page,
    person::{NewToken, TokenView},
};
use utakata_model::{PersonName, TokenName};
use utoipa_axum::routes;

use super::{
    Refused,
    allowed::{Allowed, ToChangePeople},
    page::{self, PageQuery},
    path::OwnerAnd,
    people::{TokenQuery, Unkept, unkept},
    query::Query,
    route::{
        Answered::{Anywhere, ByKeeper},
        BodySize::NoBody,
        Route,
        TimeLimit::{Patient, Prompt},
    },
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Anywhere, NoBody, Prompt, routes!(list)),
        Route::new(ByKeeper, NoBody, Prompt, routes!(put)),
        Route::new(ByKeeper, NoBody, Patient, routes!(confirm)),
        Route::new(ByKeeper, NoBody, Prompt, routes!(delete)),
    ]
}

/// Lists all tokens, by owner and name, with their ends and last uses. The tokens themselves are not
/// known.
#[utoipa::path(get, path = "/v1/tokens", operation_id = "list_tokens", tag = "people",
    params(PageQuery),
    responses((status = 200, description = "Tokens, by owner and name", body = Page<TokenView>)))]
pub(super) async fn list(
    Allowed { api, .. }: Allowed<ToChangePeople>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<TokenView>>, Refused> {
    let tokens = api.handle.people().tokens().into_iter();
    let mut keyed: Vec<(String, TokenView)> = tokens
        .map(|one| (format!("{}/{}", one.owner, one.name), one))
        .collect();
    keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
    let Page { items, next } = page::of(keyed, &query, |(key, _)| key)?;
    let items = items.into_iter().map(|(_, one)| one).collect();
    Ok(Json(Page { items, next }))
}

/// Creates a further token for somebody, replacing one of the same name.
///
/// The token is in this answer and nowhere else.
#[utoipa::path(put, path = "/v1/people/{name}/tokens/{token}", operation_id = "put_token",
    tag = "people",
    params(("name" = PersonName, Path, description = "The owner's name"),
        ("token" = TokenName, Path, description = "The token's name"), TokenQuery),
    responses((status = 200, description = "The token, shown only once", body = NewToken)))]
pub(super) async fn put(
    allowed: Allowed<ToChangePeople>,
    OwnerAnd(owner, name): OwnerAnd<TokenName>,
    Query(query): Query<TokenQuery>,
) -> Result<Unkept<NewToken>, Refused> {
    let people = allowed.api.handle.people();
    let request = query.request()?;
    let by = allowed.caller.actor();
    let token = people.put_token(owner, name, request, &by).await?;
    Ok(unkept(token))
}

/// Confirms that the owner of a token is the person who has it, and nobody else.
///
/// Whoever makes a token has seen it. Where an approval needs two people, a token counts for a person
/// of their own once somebody who could not have made it has confirmed it.
#[utoipa::path(post, path = "/v1/people/{name}/tokens/{token}/confirm",
    operation_id = "confirm_token", tag = "people",
    params(("name" = PersonName, Path, description = "The owner's name"),
        ("token" = TokenName, Path, description = "The token's name")),
    responses((status = 200, description = "The token", body = TokenView),
        (status = 409, description = "The caller could have made it",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn confirm(
    allowed: Allowed<ToChangePeople>,
    OwnerAnd(owner, name): OwnerAnd<TokenName>,
) -> Result<Json<TokenView>, Refused> {
    let people = allowed.api.handle.people();
    let by = allowed.caller.actor();
    people
        .confirm_token(&owner, &name, &by)
        .await
        .map(Json)
        .map_err(Refused::from)
}

/// Revokes a token. A stream of events that is followed with it ends.
#[utoipa::path(delete, path = "/v1/people/{name}/tokens/{token}", operation_id = "delete_token",
    tag = "people",
    params(("name" = PersonName, Path, description = "The owner's name"),
        ("token" = TokenName, Path, description = "The token's name")),
    responses((status = 204, description = "The token is no longer valid")))]
pub(super) async fn delete(
    Allowed { api, .. }: Allowed<ToChangePeople>,
    OwnerAnd(owner, name): OwnerAnd<TokenName>,
) -> Result<StatusCode, Refused> {
    api.handle.people().delete_token(&owner, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
