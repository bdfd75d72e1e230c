//! `/v1/people`: people who have access. Everybody with a token may change them; roles come later.

use axum::{
    Json,
    extract::State,
    http::{HeaderName, StatusCode, header},
};
use utakata_api::{
    page::Page,
    person::{Me, NewToken, PersonView},
};
use utakata_model::PersonName;
use utoipa_axum::routes;

use super::{
    Api, Refused,
    auth::Person,
    page::{self, PageQuery},
    path::Path,
    query::Query,
    route::{
        Answered::{Anywhere, ByKeeper},
        BodySize::NoBody,
        Route,
        TimeLimit::Prompt,
    },
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(ByKeeper, NoBody, Prompt, routes!(me)),
        Route::new(Anywhere, NoBody, Prompt, routes!(list)),
        Route::new(ByKeeper, NoBody, Prompt, routes!(put)),
        Route::new(ByKeeper, NoBody, Prompt, routes!(delete)),
    ]
}

/// Lists all people, by name, without their tokens.
#[utoipa::path(get, path = "/v1/people", operation_id = "list_people", tag = "people",
    params(PageQuery),
    responses((status = 200, description = "People, by name", body = Page<PersonView>)))]
pub(super) async fn list(
    State(api): State<Api>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<PersonView>>, Refused> {
    page::of(api.handle.people().list(), &query, |one| one.name.as_str()).map(Json)
}

/// Returns the person who asks, according to the token.
#[utoipa::path(get, path = "/v1/me", operation_id = "get_me", tag = "people",
    responses((status = 200, description = "The owner of the token", body = Me)))]
pub(super) async fn me(State(api): State<Api>, Person(name): Person) -> Json<Me> {
    let refused = api.handle.control().refusal(&name);
    Json(Me { name, refused })
}

/// Creates a new token for a person, who may be new.
///
/// The token is in this answer and nowhere else. The person's previous token is revoked.
#[utoipa::path(put, path = "/v1/people/{name}", operation_id = "put_person", tag = "people",
    params(("name" = PersonName, Path, description = "The person's name")),
    responses((status = 200, description = "The token, shown only once", body = NewToken),
        (status = 409, description = "The person is admin, whose token is in a file of the server",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn put(
    State(api): State<Api>,
    Path(name): Path<PersonName>,
) -> Result<([(HeaderName, &'static str); 1], Json<NewToken>), Refused> {
    let token = api.handle.people().put(name).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(token)))
}

/// Revokes the token of a person.
///
/// Their operations go on, and keep their name. A stream of events that they follow continues until
/// it ends.
#[utoipa::path(delete, path = "/v1/people/{name}", operation_id = "delete_person", tag = "people",
    params(("name" = PersonName, Path, description = "The person's name")),
    responses((status = 204, description = "The token is no longer valid"),
        (status = 409, description = "The person is admin, whose token is in a file of the server",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn delete(
    State(api): State<Api>,
    Path(name): Path<PersonName>,
) -> Result<StatusCode, Refused> {
    api.handle.people().delete(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}
