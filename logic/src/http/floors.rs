//! `/v1/floors`: where the racks of rooms are.

use std::collections::BTreeSet;

use axum::{Json, http::StatusCode};
use utakata_api::{
    apply::{Change, Named},
    page::Page,
};
use utakata_model::{Floor, FloorName, Selector};
use utoipa_axum::routes;

use super::{
    Refused,
    allowed::{Allowed, ToChangeSite, ToSee},
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

/// Lists all floors, by name. Whoever may see some targets only is shown the racks and units of
/// those.
#[utoipa::path(get, path = "/v1/floors", operation_id = "list_floors", tag = "inventory",
    params(PageQuery),
    responses((status = 200, description = "Floors, by name", body = Page<Floor>)))]
pub(super) async fn list(
    allowed: Allowed<ToSee>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Floor>>, Refused> {
    let floors = allowed.api.handle.inventory().floors();
    let shown = Shown::to(&allowed);
    let floors = floors.iter().map(|floor| shown.of(floor));
    page::of(floors, &query, |one| one.name.as_str()).map(Json)
}

/// Returns one floor. Whoever may see some targets only is shown the racks and units of those.
#[utoipa::path(get, path = "/v1/floors/{name}", operation_id = "get_floor", tag = "inventory",
    params(("name" = FloorName, Path, description = "The floor's name")),
    responses((status = 200, description = "The floor", body = Floor)))]
pub(super) async fn get(
    allowed: Allowed<ToSee>,
    Path(name): Path<FloorName>,
) -> Result<Json<Floor>, Refused> {
    let floor = allowed.api.handle.inventory().floor(&name)?;
    Ok(Json(Shown::to(&allowed).of(&floor)))
}

/// Creates or replaces a floor.
#[utoipa::path(put, path = "/v1/floors/{name}", operation_id = "put_floor", tag = "inventory",
    params(("name" = FloorName, Path, description = "The floor's name, as in the body")),
    request_body = Floor,
    responses((status = 200, description = "The changes", body = Change)))]
pub(super) async fn put(
    allowed: Allowed<ToChangeSite>,
    Path(name): Path<FloorName>,
    AnyJson(body): AnyJson,
) -> Result<Json<Change>, Refused> {
    apply::one(&allowed, "floor", name.as_str(), body).await
}

/// Deletes a floor: its room is laid out from labels again.
#[utoipa::path(delete, path = "/v1/floors/{name}", operation_id = "delete_floor",
    tag = "inventory",
    params(("name" = FloorName, Path, description = "The floor's name")),
    responses((status = 204, description = "Deleted")))]
pub(super) async fn delete(
    allowed: Allowed<ToChangeSite>,
    Path(name): Path<FloorName>,
) -> Result<StatusCode, Refused> {
    let api = &allowed.api;
    api.handle.inventory().floor(&name)?;
    let gone = vec![Named::Floor(name)];
    api.handle.apply(Vec::new(), gone, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The part of each floor that the caller may see.
struct Shown<'a> {
    allowed: &'a Allowed<ToSee>,
    /// The room and the rack of each target that they may see; `None` if they may see everything.
    racks: Option<BTreeSet<(String, String)>>,
}

impl<'a> Shown<'a> {
    fn to(allowed: &'a Allowed<ToSee>) -> Self {
        let label = |target: &utakata_model::Target, key: &str| {
            target.labels.get(key).cloned().unwrap_or_default()
        };
        let racks = (!allowed.scope.is_everything()).then(|| {
            let targets = allowed.select(&Selector::default());
            let targets = targets.iter().map(|entry| &*entry.target);
            targets
                .map(|target| (label(target, "room"), label(target, "rack")))
                .collect()
        });
        Self { allowed, racks }
    }

    fn of(&self, floor: &Floor) -> Floor {
        let Some(racks) = &self.racks else {
            return floor.clone();
        };
        let room = floor.room();
        floor.only(
            |rack| racks.contains(&(room.to_owned(), rack.to_owned())),
            |target| self.allowed.covers(target),
        )
    }
}
