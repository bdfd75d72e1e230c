//! `/v1/orders`: orders to pause and drain.

use axum::Json;
use utakata_api::{
    environment::{NewSuspension, Suspension, SuspensionView},
    page::Page,
};
use utakata_model::{Order, PersonName, Scope, Stop};
use utoipa_axum::routes;

use super::{
    Api, Refused,
    allowed::{Allowed, Right, ToSee},
    page::{self, PageQuery},
    query::Query,
    reason::check,
    route::{Answered::Anywhere, BodySize::NoBody, Route, TimeLimit::Prompt},
    verb::verbs,
};
use crate::desired::orders::{Names, OrderScope};

pub(super) fn routes() -> Vec<Route> {
    let mut routes = vec![Route::new(Anywhere, NoBody, Prompt, routes!(list))];
    routes.extend(verbs());
    routes
}

/// Lists every order by which something is stopped: zones, kinds, environments, releases.
#[utoipa::path(get, path = "/v1/orders", operation_id = "list_orders", tag = "system",
    params(PageQuery),
    responses((status = 200, description = "Orders", body = Page<Suspension>)))]
pub(super) async fn list(
    Allowed { api, .. }: Allowed<ToSee>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Suspension>>, Refused> {
    let all = api.handle.desired().all_orders().into_iter();
    let mut named: Vec<_> = all.map(|one| (one.scope.to_string(), one)).collect();
    named.sort_by(|(a, _), (b, _)| a.cmp(b));
    let Page { items, next } = page::of(named, &query, |(name, _)| name)?;
    let items = items.into_iter().map(|(_, one)| one).collect();
    Ok(Json(Page { items, next }))
}

verbs! {
    tag = "system", done by change((), NewSuspension) -> SuspensionView,
    params(),
    answer = "The orders afterwards";

    /// Pauses a zone, a kind, an environment or a release: it begins nothing more.
    ///
    /// Running tasks end and are reported. Fetched tasks that have not begun go to others, if there
    /// are any, and wait otherwise. The order also applies to environments that join later.
    pause(Some(Stop::Pause)) needs ToOrder: "/v1/orders/pause", "pause",
        404 "It is not known";
    /// Drains a zone, a kind, an environment or a release: it begins nothing more, and then its
    /// workers are stopped.
    drain(Some(Stop::Drain)) needs ToOrder: "/v1/orders/drain", "drain",
        404 "It is not known";
    /// Resumes a zone, a kind, an environment or a release.
    ///
    /// An order is lifted in the scope in which it was given. Resuming something that is not
    /// stopped changes nothing.
    resume(None) needs ToOrder: "/v1/orders/resume", "resume",
        404 "It is not known",
        409 "The stop applies to something else";
}

async fn change<R: Right>(
    allowed: &Allowed<R>,
    (): (),
    stop: Option<Stop>,
    by: PersonName,
    requested: NewSuspension,
) -> Result<SuspensionView, Refused> {
    let api = &allowed.api;
    let why = requested.why.as_deref().map(check).transpose()?;
    let order = stop.map(|stop| Order {
        stop,
        by: by.clone(),
        since: crate::clock::now(),
        why: why.clone(),
    });
    let command = OrderScope {
        names: names(api, &requested.scope).await?,
        scope: requested.scope,
        order,
    };
    let view = api.handle.desired().carry_out(command).await?;
    let order = stop.map_or("resume", Stop::as_str);
    tracing::info!(scope = %view.scope, order, %by, why, "an order for a part of the site");
    Ok(view)
}

/// Returns the names that may be used because a target or the catalogue has them.
async fn names(api: &Api, scope: &Scope) -> Result<Names, Refused> {
    let mut names = Names::default();
    let releases = api.handle.catalogue().list(None).await?;
    for release in releases {
        names.kinds.push(release.id.kind.to_string());
        let version = &release.id.version;
        names
            .releases
            .push(format!("{}@{version}", release.id.kind));
    }
    let inventory = api.handle.inventory();
    if let Scope::Zone(zone) | Scope::KindInZone(_, zone) = scope
        && let Ok(selector) = format!("zone={zone}").parse()
        && !inventory.page(&selector, None, 1).is_empty()
    {
        names.zones.push(zone.to_string());
    }
    if let Scope::Kind(kind) | Scope::KindInZone(kind, _) = scope
        && inventory.of_kind(kind) > 0
    {
        names.kinds.push(kind.to_string());
    }
    Ok(names)
}
