//! `/v1/bindings` and `/v1/roles`: who has which role, where.

use axum::{Json, http::StatusCode};
use utakata_api::{
    apply::{Change, Difference, Verdict},
    page::Page,
    person::{NewBinding, RoleView},
};
use utakata_model::{Binding, BindingName, Role};
use utoipa_axum::routes;

use super::{
    Refused,
    allowed::{Allowed, Anybody, ToChangePeople},
    body,
    page::{self, PageQuery},
    path::Path,
    query::Query,
    reason,
    route::{
        Answered::{Anywhere, ByKeeper},
        BodySize::{NoBody, OneThing},
        Route,
        TimeLimit::Prompt,
    },
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Anywhere, NoBody, Prompt, routes!(roles)),
        Route::new(Anywhere, NoBody, Prompt, routes!(list)),
        Route::new(ByKeeper, OneThing, Prompt, routes!(put)),
        Route::new(ByKeeper, NoBody, Prompt, routes!(delete)),
    ]
}

/// Lists the built-in roles, and the rights that each gives.
#[utoipa::path(get, path = "/v1/roles", operation_id = "list_roles", tag = "people",
    params(PageQuery),
    responses((status = 200, description = "Roles, by name", body = Page<RoleView>)))]
pub(super) async fn roles(
    _: Allowed<Anybody>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<RoleView>>, Refused> {
    let mut roles: Vec<Role> = Role::ALL.to_vec();
    roles.sort_by_key(|role| role.as_str());
    let views = roles.into_iter().map(|name| RoleView {
        name,
        rights: name.verbs().to_vec(),
    });
    page::of(views, &query, |one| one.name.as_str()).map(Json)
}

/// Lists who has which role, where, since when and from whom.
#[utoipa::path(get, path = "/v1/bindings", operation_id = "list_bindings", tag = "people",
    params(PageQuery),
    responses((status = 200, description = "Bindings, by name", body = Page<Binding>)))]
pub(super) async fn list(
    Allowed { api, .. }: Allowed<ToChangePeople>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Binding>>, Refused> {
    let bindings = api.handle.people().bindings();
    page::of(bindings, &query, |one| one.name.as_str()).map(Json)
}

/// Gives a role to a person or a service, everywhere or on the targets of a selector. Nobody gives
/// one to themselves.
#[utoipa::path(put, path = "/v1/bindings/{name}", operation_id = "put_binding", tag = "people",
    params(("name" = BindingName, Path, description = "The binding's name")),
    request_body = NewBinding,
    responses((status = 200, description = "The binding", body = Binding),
        (status = 409, description = "The caller would give rights to themselves",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn put(
    allowed: Allowed<ToChangePeople>,
    Path(name): Path<BindingName>,
    body::Json(new): body::Json<NewBinding>,
) -> Result<Json<Binding>, Refused> {
    reason::check_selector(&new.selector)?;
    let people = allowed.api.handle.people();
    let by = allowed.caller.actor();
    let caller = (&by, allowed.caller.rights.as_ref());
    let binding = people.put_binding(name, new, caller).await?;
    Ok(Json(binding))
}

/// Takes a role away.
#[utoipa::path(delete, path = "/v1/bindings/{name}", operation_id = "delete_binding",
    tag = "people",
    params(("name" = BindingName, Path, description = "The binding's name")),
    responses((status = 204, description = "The role is gone")))]
pub(super) async fn delete(
    allowed: Allowed<ToChangePeople>,
    Path(name): Path<BindingName>,
) -> Result<StatusCode, Refused> {
    let people = allowed.api.handle.people();
    let binding = people.delete_binding(&name).await?;
    let before = |field: &str, value: String| Difference {
        field: field.to_owned(),
        before: Some(value.into()),
        after: None,
    };
    allowed.changes.add([Change {
        subject: format!("binding {name}"),
        verdict: Verdict::Deleted,
        differences: vec![
            before("who", binding.grant.who.to_string()),
            before("role", binding.grant.role.to_string()),
            before("selector", binding.grant.selector.to_string()),
        ],
    }]);
    Ok(StatusCode::NO_CONTENT)
}
