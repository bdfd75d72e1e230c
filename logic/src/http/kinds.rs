//! `/v1/kinds`.

use axum::Json;
use utakata_api::{
    inventory::{KindInZone, KindView},
    page::Page,
};
use utakata_model::{EnvironmentId, Kind, Zone};
use utoipa_axum::routes;

use super::{
    Api, Refused,
    allowed::{Allowed, ToSee},
    page::{self, PageQuery},
    query::Query,
    route::{Answered::Anywhere, BodySize::NoBody, Route, TimeLimit::Prompt},
};
use crate::kinds::{Served, ServedKinds};

pub(super) fn routes() -> Vec<Route> {
    vec![Route::new(Anywhere, NoBody, Prompt, routes!(list))]
}

/// Lists the kinds that at least one environment serves, with their actions.
#[utoipa::path(get, path = "/v1/kinds", operation_id = "list_kinds", tag = "system",
    params(PageQuery),
    responses((status = 200, description = "Kinds, by name", body = Page<KindView>)))]
pub(super) async fn list(
    Allowed { api, .. }: Allowed<ToSee>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<KindView>>, Refused> {
    let served = api.handle.kinds().served();
    let views = served.kinds().filter_map(|kind| view(&api, &served, kind));
    page::of(views, &query, |one| one.kind.as_str()).map(Json)
}

fn view(api: &Api, served: &ServedKinds, kind: &Kind) -> Option<KindView> {
    let release = api.handle.catalogue().serving(kind)?;
    let mut zones = served.of_kind(kind);
    let (_, max) = zones.clone().find(|(_, one)| one.release == release)?;
    let environments = zones.clone().flat_map(|(_, one)| &one.environments);
    let mut environments: Vec<EnvironmentId> = environments.cloned().collect();
    environments.sort();
    Some(KindView {
        kind: kind.clone(),
        manifest: (*max.manifest).clone(),
        release,
        environments,
        zones: zones.by_ref().map(in_zone).collect(),
        targets: api.handle.inventory().of_kind(kind) as u64,
    })
}

fn in_zone((zone, served): (&Zone, &Served)) -> KindInZone {
    KindInZone {
        zone: zone.clone(),
        release: served.release.clone(),
        environments: served.environments.clone(),
    }
}
