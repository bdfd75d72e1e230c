//! `/v1/people`: people and services that have access.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderName, StatusCode, header},
};
use serde::Deserialize;
use utakata_api::{
    page::Page,
    person::{Me, NewLink, NewToken, PersonView, RightView},
};
use utakata_model::{PersonName, Verb, duration};
use utoipa_axum::routes;

use super::{
    Refused,
    allowed::{Allowed, Anybody, ToChangePeople},
    body,
    page::{self, PageQuery},
    path::Path,
    query::{Query, invalid},
    route::{
        Answered::{Anywhere, ByKeeper},
        BodySize::{NoBody, OneThing},
        Route,
        TimeLimit::Prompt,
    },
};
use crate::{
    code::Code,
    people::TokenRequest,
    rights::{Rights, Scope},
};

/// The length of the longest subject, in bytes (OpenID Connect Core 1.0, section 2).
const MAX_SUBJECT: usize = 255;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(ByKeeper, NoBody, Prompt, routes!(me)),
        Route::new(Anywhere, NoBody, Prompt, routes!(list)),
        Route::new(ByKeeper, NoBody, Prompt, routes!(put)),
        Route::new(ByKeeper, NoBody, Prompt, routes!(delete)),
        Route::new(ByKeeper, OneThing, Prompt, routes!(link)),
    ]
}

/// An answer that no cache may keep.
pub(super) type Unkept<T> = ([(HeaderName, &'static str); 1], Json<T>);

pub(super) fn unkept<T>(value: T) -> Unkept<T> {
    ([(header::CACHE_CONTROL, "no-store")], Json(value))
}

/// The properties of a new token.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TokenQuery {
    /// `true` for a service, which acts on its own behalf.
    #[serde(default)]
    service: bool,
    /// The time for which the token is accepted: `90d`, which is usual for services. Those of people
    /// do not end by themselves unless it is given.
    #[serde(rename = "for")]
    #[param(rename = "for", max_length = 32)]
    lasts: Option<String>,
}

impl TokenQuery {
    pub(super) fn request(&self) -> Result<TokenRequest, Refused> {
        let lasts: Option<Duration> = match self.lasts.as_deref() {
            None => None,
            Some(text) => {
                let parsed = duration::parse(text);
                Some(parsed.map_err(|error| invalid(format!("for: {error}")))?)
            }
        };
        let service = self.service;
        Ok(TokenRequest { service, lasts })
    }
}

/// Lists everybody, by name, without their tokens.
#[utoipa::path(get, path = "/v1/people", operation_id = "list_people", tag = "people",
    params(PageQuery),
    responses((status = 200, description = "People and services, by name", body = Page<PersonView>)))]
pub(super) async fn list(
    Allowed { api, .. }: Allowed<ToChangePeople>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<PersonView>>, Refused> {
    page::of(api.handle.people().list(), &query, |one| one.name.as_str()).map(Json)
}

/// Returns the one who asks, according to the token, with their roles and rights.
#[utoipa::path(get, path = "/v1/me", operation_id = "get_me", tag = "people",
    responses((status = 200, description = "The owner of the token", body = Me)))]
pub(super) async fn me(Allowed { api, caller, .. }: Allowed<Anybody>) -> Json<Me> {
    let token = caller.token.as_ref();
    let token = token.and_then(|token| api.handle.people().token_view(&token.hash));
    let roles = caller.rights.bindings();
    let login = caller.token.as_ref().and_then(|token| token.login.as_ref());
    Json(Me {
        groups: login.map_or_else(Vec::new, |login| login.groups.clone()),
        refused: api.handle.control().refusal(&caller.name),
        name: caller.name.clone(),
        roles: roles.map(|binding| binding.as_ref().clone()).collect(),
        rights: rights(&caller.rights),
        token,
    })
}

/// Returns the rights that somebody has anywhere.
fn rights(of: &Rights) -> Vec<RightView> {
    let verbs = Verb::ALL.iter().copied();
    let scopes = verbs.map(|right| (right, of.scope(right)));
    let some = scopes.filter(|(_, scope)| !scope.is_nothing());
    some.map(|(right, scope)| RightView {
        right,
        on: match scope {
            Scope::Everything => None,
            Scope::Within(selectors) => Some(selectors),
        },
    })
    .collect()
}

/// Creates a new token for a person or a service, who may be new, and then has no role.
///
/// The token is in this answer and nowhere else. The previous one that was made so is revoked.
#[utoipa::path(put, path = "/v1/people/{name}", operation_id = "put_person", tag = "people",
    params(("name" = PersonName, Path, description = "The name"), TokenQuery),
    responses((status = 200, description = "The token, shown only once", body = NewToken),
        (status = 409, description = "The person is admin, whose token is in a file of the server",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn put(
    allowed: Allowed<ToChangePeople>,
    Path(name): Path<PersonName>,
    Query(query): Query<TokenQuery>,
) -> Result<Unkept<NewToken>, Refused> {
    let people = allowed.api.handle.people();
    let token = people
        .put(name, query.request()?, &allowed.caller.actor())
        .await?;
    Ok(unkept(token))
}

/// Removes a person or a service, with all tokens and roles.
///
/// Their operations go on, and keep their name. A stream of events that they follow ends.
#[utoipa::path(delete, path = "/v1/people/{name}", operation_id = "delete_person", tag = "people",
    params(("name" = PersonName, Path, description = "The name")),
    responses((status = 204, description = "Their tokens are no longer valid"),
        (status = 409, description = "The person is admin, whose token is in a file of the server",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn delete(
    Allowed { api, .. }: Allowed<ToChangePeople>,
    Path(name): Path<PersonName>,
) -> Result<StatusCode, Refused> {
    api.handle.people().delete(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says who at the identity provider a person is. Their logins until now end.
///
/// A person who logs in for the first time gets a name that is free; this gives them one that is not.
/// Nobody does so for themselves.
#[utoipa::path(put, path = "/v1/people/{name}/link", operation_id = "link_person", tag = "people",
    params(("name" = PersonName, Path, description = "The name")), request_body = NewLink,
    responses((status = 200, description = "The person", body = PersonView),
        (status = 409, description = "Somebody else is that one at the provider, or the person is admin",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn link(
    allowed: Allowed<ToChangePeople>,
    Path(name): Path<PersonName>,
    body::Json(new): body::Json<NewLink>,
) -> Result<Json<PersonView>, Refused> {
    let handle = &allowed.api.handle;
    let people = handle.people();
    let issuer = handle.config().login.issuer.as_deref();
    let issuer = issuer.ok_or_else(|| {
        let detail = "there is no identity provider: logic.login.issuer is not set";
        Refused::new(Code::LoginOff, detail, "set it in the configuration first")
    })?;
    if new.subject.is_empty() || new.subject.len() > MAX_SUBJECT {
        let detail = format!("a subject has 1 to {MAX_SUBJECT} bytes");
        let cure = "it is the claim `sub` of the person at the provider";
        return Err(Refused::new(Code::BodyInvalid, detail, cure));
    }
    people
        .link(&name, (issuer, &new.subject), &allowed.caller.actor())
        .await?;
    let found = people.list().into_iter().find(|one| one.name == name);
    found.map(Json).ok_or_else(|| {
        let detail = format!("{name} was removed meanwhile");
        Refused::new(
            Code::NotFound,
            detail,
            "see who is there: `utakata person list`",
        )
    })
}
