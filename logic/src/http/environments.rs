//! `/v1/environments`.

use axum::{Json, http::StatusCode};
use utakata_api::{
    environment::{
        AcceptanceView, EnvironmentView, IgnoredClaim, NewAcceptance, NewOrder, OrdersView,
    },
    page::Page,
};
use utakata_model::{EnvironmentId, Kind, Order, PersonName, Stop};
use utoipa_axum::routes;

use super::{
    Refused,
    allowed::{Allowed, Right, ToOrder, ToSee, ToWriteSecrets},
    body,
    caller::Person,
    page::{self, PageQuery},
    path::Path,
    query::Query,
    reason::check,
    route::{
        Answered::{Anywhere, ByKeeper},
        BodySize::{NoBody, OneThing},
        Route,
        TimeLimit::{Patient, Prompt},
    },
    verb::verbs,
};
use crate::{desired::orders::OrderEnvironment, environments, kinds::Claim};

pub(super) fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::new(Anywhere, NoBody, Prompt, routes!(list)),
        Route::new(ByKeeper, NoBody, Prompt, routes!(forget)),
        Route::new(ByKeeper, OneThing, Patient, routes!(accept)),
        Route::new(ByKeeper, NoBody, Patient, routes!(revoke)),
    ];
    routes.extend(verbs());
    routes
}

/// Lists every known environment, and the orders to it.
#[utoipa::path(get, path = "/v1/environments", operation_id = "list_environments",
    tag = "system", params(PageQuery),
    responses((status = 200, description = "Environments, by id", body = Page<EnvironmentView>)))]
pub(super) async fn list(
    Allowed { api, .. }: Allowed<ToSee>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<EnvironmentView>>, Refused> {
    let environments = api.handle.kinds().environments();
    let mut orders = api.handle.desired().state().orders();
    let mut ignored = api.handle.kinds().ignored();
    let mut twins = api.handle.kinds().twins();
    let views = environments.iter().map(|one| EnvironmentView {
        orders: orders.remove(&one.id).unwrap_or_default(),
        standing: api.handle.desired().orders_for(one),
        ignored: ignored
            .remove(&one.id)
            .unwrap_or_default()
            .into_iter()
            .map(|Claim { release, problem }| IgnoredClaim { release, problem })
            .collect(),
        problems: twins.remove(&one.id).into_iter().collect(),
        enrolment: environments::view(one, api.handle.kinds().trust_in(&one.id).as_ref()),
        status: one.as_ref().clone(),
    });
    page::of(views, &query, |one| one.status.id.as_str()).map(Json)
}

verbs! {
    tag = "system", done by change(Path<EnvironmentId>, NewOrder) -> OrdersView,
    params(("id" = EnvironmentId, Path, description = "The environment's id")),
    answer = "The orders of the environment afterwards";

    /// Pauses an environment, or one kind in it: it begins nothing more.
    ///
    /// Running tasks end and are reported. Fetched tasks go to other environments of its zone at
    /// once. An environment that is away receives the order when it returns.
    pause(Some(Stop::Pause)) needs ToOrder: "/v1/environments/{id}/pause", "pause_environment";
    /// Drains an environment, or one kind in it: it begins nothing more, and then its workers are
    /// stopped.
    ///
    /// They are stopped when the running tasks have ended. The environment stays, and reports that
    /// it is drained.
    drain(Some(Stop::Drain)) needs ToOrder: "/v1/environments/{id}/drain", "drain_environment";
    /// Resumes an environment, or one kind in it.
    ///
    /// An order for a kind is lifted for that kind, and one for everything is lifted for
    /// everything. Resuming something that is not stopped changes nothing.
    resume(None) needs ToOrder: "/v1/environments/{id}/resume", "resume_environment",
        409 "The stop applies to something else";
}

/// Forgets an environment that is gone for good, or that has moved to another zone.
///
/// Its status is removed from the broker, and its orders are lifted. A running environment is not
/// forgotten, unless it reports another zone than its own: then it belongs to that zone from its
/// next report on.
#[utoipa::path(delete, path = "/v1/environments/{id}", operation_id = "forget_environment",
    tag = "system",
    params(("id" = EnvironmentId, Path, description = "The environment's id")),
    responses((status = 204, description = "Forgotten"),
        (status = 409, description = "It is still running",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn forget(
    Allowed { api, .. }: Allowed<ToOrder>,
    Person(by): Person,
    Path(id): Path<EnvironmentId>,
) -> Result<StatusCode, Refused> {
    api.handle.environments().forget(&id).await?;
    tracing::info!(environment = %id, %by, "an environment was forgotten");
    Ok(StatusCode::NO_CONTENT)
}

/// Accepts the key that an environment reports, for its zone.
///
/// From then on it takes tasks, and is lent the credentials of the targets of its zone, sealed to
/// that key. Compare its fingerprint with what the environment has logged on its host.
#[utoipa::path(post, path = "/v1/environments/{id}/accept", operation_id = "accept_environment",
    tag = "system", request_body = NewAcceptance,
    params(("id" = EnvironmentId, Path, description = "The environment's id")),
    responses((status = 200, description = "Accepted", body = AcceptanceView),
        (status = 409, description = "It has no key, or another one",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn accept(
    Allowed { api, .. }: Allowed<ToWriteSecrets>,
    Person(by): Person,
    Path(id): Path<EnvironmentId>,
    body::Json(requested): body::Json<NewAcceptance>,
) -> Result<Json<AcceptanceView>, Refused> {
    let wanted = requested.fingerprint.as_deref();
    let view = api.handle.environments().accept(&id, wanted, &by).await?;
    let fingerprint = &view.enrolment.fingerprint;
    tracing::info!(environment = %id, fingerprint, %by, "an environment was accepted");
    Ok(Json(view))
}

/// Revokes the key of an environment: it takes no further tasks, and is lent nothing any more.
///
/// It may still know what it has been lent: change those credentials.
#[utoipa::path(post, path = "/v1/environments/{id}/revoke", operation_id = "revoke_environment",
    tag = "system",
    params(("id" = EnvironmentId, Path, description = "The environment's id")),
    responses((status = 200, description = "Revoked", body = AcceptanceView),
        (status = 409, description = "It has no key",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn revoke(
    Allowed { api, .. }: Allowed<ToWriteSecrets>,
    Person(by): Person,
    Path(id): Path<EnvironmentId>,
) -> Result<Json<AcceptanceView>, Refused> {
    let view = api.handle.environments().revoke(&id, &by).await?;
    tracing::info!(environment = %id, %by, "the key of an environment was revoked");
    Ok(Json(view))
}

async fn change<R: Right>(
    allowed: &Allowed<R>,
    Path(id): Path<EnvironmentId>,
    stop: Option<Stop>,
    by: PersonName,
    requested: NewOrder,
) -> Result<OrdersView, Refused> {
    let api = &allowed.api;
    let why = requested.why.as_deref().map(check).transpose()?;
    let order = stop.map(|stop| Order {
        stop,
        by: by.clone(),
        since: crate::clock::now(),
        why: why.clone(),
    });
    let command = OrderEnvironment {
        id: id.clone(),
        kind: requested.kind.clone(),
        order,
    };
    let view = api.handle.desired().carry_out(command).await?;
    let kind = requested.kind.as_ref().map(Kind::as_str);
    let order = stop.map_or("resume", Stop::as_str);
    tracing::info!(environment = %id, kind, order, %by, why, "an order for an environment");
    Ok(view)
}
