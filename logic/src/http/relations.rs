//! `/v1/relations` and `/v1/topology`: what feeds, reaches, cools and contains what.

mod topology;

use axum::Json;
use utakata_api::{
    apply::{Change, Document},
    page::Page,
    relation::{RelationView, Topology},
};
use utakata_model::{Relation, TargetName};
use utoipa_axum::routes;

use super::{
    Refused,
    allowed::{Allowed, ToChangeSite, ToSee, ToSeeAll},
    body,
    page::{self, PageQuery},
    query::Query,
    route::{
        Answered::{Anywhere, ByKeeper},
        BodySize::{NoBody, OneThing},
        Route,
        TimeLimit::Prompt,
    },
};
use crate::code::Code;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Anywhere, NoBody, Prompt, routes!(list)),
        Route::new(ByKeeper, OneThing, Prompt, routes!(put)),
        Route::new(ByKeeper, NoBody, Prompt, routes!(around)),
    ]
}

/// Lists all declared relations.
#[utoipa::path(get, path = "/v1/relations", operation_id = "list_relations", tag = "inventory",
    params(PageQuery),
    responses((status = 200, description = "Relations, by what they say",
        body = Page<RelationView>)))]
pub(super) async fn list(
    Allowed { api, .. }: Allowed<ToSeeAll>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<RelationView>>, Refused> {
    let relations = api.handle.inventory().relations();
    let views = relations.iter().map(|relation| RelationView {
        name: relation.key().to_string(),
        relation: Relation::clone(relation),
    });
    page::of(views, &query, |one| one.name.as_str()).map(Json)
}

/// Declares a relation. `POST /v1/apply` declares many, and deletes them.
#[utoipa::path(put, path = "/v1/relations", operation_id = "put_relation", tag = "inventory",
    request_body = Relation,
    responses((status = 200, description = "The changes", body = Change)))]
pub(super) async fn put(
    allowed: Allowed<ToChangeSite>,
    body::Json(relation): body::Json<Relation>,
) -> Result<Json<Change>, Refused> {
    let api = &allowed.api;
    let documents = vec![Document::Relation(relation)];
    let applied = api.handle.inventory().apply(documents, false).await?;
    allowed.changes.add(applied.changes.clone());
    let change = applied.changes.into_iter().next();
    let mistake = || Refused::new(Code::Internal, "nothing was applied", "report it");
    change.map(Json).ok_or_else(mistake)
}

/// A query for a topology.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TopologyQuery {
    /// The target in the middle.
    around: TargetName,
}

/// Returns what a target depends on, as far up as it goes, and what depends on it directly, each
/// with its health and its alarms.
#[utoipa::path(get, path = "/v1/topology", operation_id = "get_topology", tag = "inventory",
    params(TopologyQuery),
    responses((status = 200, description = "The targets and their relations", body = Topology),
        (status = 404, description = "No such target",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn around(
    allowed: Allowed<ToSee>,
    Query(query): Query<TopologyQuery>,
) -> Result<Json<Topology>, Refused> {
    let api = &allowed.api;
    allowed.target(&query.around)?;
    let mut topology = topology::around(api, query.around);
    topology.nodes.retain(|node| allowed.covers(&node.target));
    let is_shown = |name: &TargetName| allowed.covers(name);
    topology
        .edges
        .retain(|edge| is_shown(&edge.from) && is_shown(&edge.to));
    Ok(Json(topology))
}
