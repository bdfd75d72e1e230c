//! `/v1/envelopes`: limits on what is done, whoever decides.

use axum::{Json, http::StatusCode};
use utakata_api::{
    apply::{Change, Named},
    page::Page,
    policy::{EnvelopeView, EnvelopeWait, LimitUse},
};
use utakata_model::{Envelope, EnvelopeName};
use utoipa_axum::routes;

use super::{
    Api, Refused,
    allowed::{Allowed, ToLimit, ToSeeAll},
    apply,
    body::AnyJson,
    page::{self, PageQuery},
    path::Path,
    query::Query,
    route::{
        Answered::ByKeeper,
        BodySize::{NoBody, OneThing},
        Route,
        TimeLimit::Prompt,
    },
};
use crate::ledger::GateView;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(ByKeeper, NoBody, Prompt, routes!(list)),
        Route::new(ByKeeper, NoBody, Prompt, routes!(get)),
        Route::new(ByKeeper, OneThing, Prompt, routes!(put)),
        Route::new(ByKeeper, NoBody, Prompt, routes!(delete)),
    ]
}

/// Lists all envelopes, by name, with the use of their limits.
#[utoipa::path(get, path = "/v1/envelopes", operation_id = "list_envelopes", tag = "smart control",
    params(PageQuery),
    responses((status = 200, description = "Envelopes, by name", body = Page<EnvelopeView>)))]
pub(super) async fn list(
    Allowed { api, .. }: Allowed<ToSeeAll>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<EnvelopeView>>, Refused> {
    let gate = gate(&api).await?;
    let envelopes = api.handle.inventory().envelopes();
    let views = envelopes.iter().map(|one| view(one, &gate));
    page::of(views, &query, |one| one.envelope.name.as_str()).map(Json)
}

/// Returns one envelope, with the use of its limits and the tasks that it holds back.
#[utoipa::path(get, path = "/v1/envelopes/{name}", operation_id = "get_envelope",
    tag = "smart control",
    params(("name" = EnvelopeName, Path, description = "The envelope's name")),
    responses((status = 200, description = "The envelope", body = EnvelopeView)))]
pub(super) async fn get(
    Allowed { api, .. }: Allowed<ToSeeAll>,
    Path(name): Path<EnvelopeName>,
) -> Result<Json<EnvelopeView>, Refused> {
    let found = api.handle.inventory().envelope(&name)?;
    Ok(Json(view(&found, &gate(&api).await?)))
}

/// Creates or replaces an envelope.
#[utoipa::path(put, path = "/v1/envelopes/{name}", operation_id = "put_envelope",
    tag = "smart control",
    params(("name" = EnvelopeName, Path, description = "The envelope's name, as in the body")),
    request_body = Envelope,
    responses((status = 200, description = "The changes", body = Change)))]
pub(super) async fn put(
    allowed: Allowed<ToLimit>,
    Path(name): Path<EnvelopeName>,
    AnyJson(body): AnyJson,
) -> Result<Json<Change>, Refused> {
    apply::one(&allowed, "envelope", name.as_str(), body).await
}

/// Deletes an envelope.
#[utoipa::path(delete, path = "/v1/envelopes/{name}", operation_id = "delete_envelope",
    tag = "smart control",
    params(("name" = EnvelopeName, Path, description = "The envelope's name")),
    responses((status = 204, description = "Deleted")))]
pub(super) async fn delete(
    Allowed { api, .. }: Allowed<ToLimit>,
    Path(name): Path<EnvelopeName>,
) -> Result<StatusCode, Refused> {
    api.handle.inventory().envelope(&name)?;
    let gone = vec![Named::Envelope(name)];
    api.handle.apply(Vec::new(), gone, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Returns the memory of the gate.
pub(super) async fn gate(api: &Api) -> Result<GateView, Refused> {
    Ok(api.handle.ledger().gate().await?)
}

fn view(envelope: &Envelope, gate: &GateView) -> EnvelopeView {
    let name = envelope.name.as_str();
    let waits = gate.waits.iter().filter(|(_, of, _)| &**of == name);
    let red = gate.red.as_ref().filter(|red| red.envelope == name);
    EnvelopeView {
        envelope: envelope.clone(),
        uses: uses(gate, name),
        waits: waits
            .map(|(task, _, why)| EnvelopeWait {
                task: *task,
                why: why.clone(),
            })
            .collect(),
        red: red.map(|red| red.why.clone()),
    }
}

/// Returns the use of the limits of one envelope in force.
pub(super) fn uses(gate: &GateView, envelope: &str) -> Vec<LimitUse> {
    let uses = gate.uses.iter().filter(|one| &*one.envelope == envelope);
    uses.map(|one| LimitUse {
        limit: one.limit.clone(),
        used: one.used as u64,
        max: one.max,
    })
    .collect()
}
