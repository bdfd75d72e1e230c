//! `/v1/proposals`: targets that discovery proposes, and what people decide about them.

use axum::Json;
use utakata_api::{
    apply::Applied,
    discovery::{Accept, Dismiss, ProposalView, WayView},
    page::Page,
};
use utoipa_axum::routes;

use super::{
    Api, Refused,
    allowed::{Allowed, ToChangeSite, ToSeeAll},
    apply, body,
    caller::Person,
    page::{self, PageQuery},
    path::Path,
    query::Query,
    route::{
        Answered::ByKeeper,
        BodySize::{NoBody, OneThing},
        Route,
        TimeLimit::{Patient, Prompt},
    },
};
use crate::{
    code::Code,
    discovery::{Error, Proposal, Way},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(ByKeeper, NoBody, Prompt, routes!(list)),
        Route::new(ByKeeper, OneThing, Patient, routes!(accept)),
        Route::new(ByKeeper, OneThing, Patient, routes!(dismiss)),
    ]
}

/// Lists what discovery has found, by identifier: what is no target, what is a target already, what
/// has moved or was replaced, and what was dismissed.
#[utoipa::path(get, path = "/v1/proposals", operation_id = "list_proposals", tag = "inventory",
    params(PageQuery),
    responses((status = 200, description = "Proposals", body = Page<ProposalView>)))]
pub(super) async fn list(
    allowed: Allowed<ToSeeAll>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<ProposalView>>, Refused> {
    let api = &allowed.api;
    let mut all = api.handle.discovery().proposals().await?;
    all.sort_by(|one, other| one.id.cmp(&other.id));
    let views = all.iter().map(|proposal| view(api, proposal));
    page::of(views, &query, |one| one.id.as_str()).map(Json)
}

/// Makes a target of a proposal; gives a target whose thing has moved its new address; or keeps a
/// target whose thing was replaced.
#[utoipa::path(post, path = "/v1/proposals/{id}/accept", operation_id = "accept_proposal",
    tag = "inventory",
    params(("id" = String, Path, description = "The identifier of the proposal")),
    request_body = Accept,
    responses((status = 200, description = "The changes made", body = Applied),
        (status = 409, description = "Nothing is to be decided about it",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn accept(
    allowed: Allowed<ToChangeSite>,
    Path(id): Path<String>,
    body::Json(accept): body::Json<Accept>,
) -> Result<Json<Applied>, Refused> {
    let discovery = allowed.api.handle.discovery();
    let decision = discovery.decide(&id, accept).await?;
    let documents = decision.document.clone().into_iter().collect();
    let applied = apply::documents(&allowed, documents).await?;
    discovery.settle(&decision).await?;
    Ok(Json(applied))
}

/// Dismisses a proposal: it is not proposed again, unless something else answers there.
#[utoipa::path(post, path = "/v1/proposals/{id}/dismiss", operation_id = "dismiss_proposal",
    tag = "inventory",
    params(("id" = String, Path, description = "The identifier of the proposal")),
    request_body = Dismiss,
    responses((status = 200, description = "The proposal", body = ProposalView),
        (status = 409, description = "Nothing is to be decided about it",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn dismiss(
    allowed: Allowed<ToChangeSite>,
    Path(id): Path<String>,
    Person(by): Person,
    body::Json(Dismiss {}): body::Json<Dismiss>,
) -> Result<Json<ProposalView>, Refused> {
    let proposal = allowed.api.handle.discovery().dismiss(&id, &by).await?;
    Ok(Json(view(&allowed.api, &proposal)))
}

fn view(api: &Api, proposal: &Proposal) -> ProposalView {
    let sightings = || proposal.ways.iter().map(|way| &way.sighting);
    let first_of = |of: fn(&utakata_model::Discovered) -> &Option<String>| {
        sightings().find_map(|one| of(&one.found).clone())
    };
    let times = sightings().map(|one| (one.first, one.last));
    let first = times.clone().map(|(first, _)| first).min();
    let last = times.map(|(_, last)| last).max();
    let dismissed = sightings().find_map(|one| one.dismissed.as_ref());
    ProposalView {
        id: proposal.id.clone(),
        state: proposal.state,
        name: proposal.name.clone(),
        zone: sightings()
            .next()
            .map(|one| one.zone.clone())
            .unwrap_or_default(),
        identifiers: proposal.identifiers(),
        vendor: first_of(|found| &found.vendor),
        model: first_of(|found| &found.model),
        serial: first_of(|found| &found.serial),
        ways: proposal.ways.iter().map(|way| way_view(api, way)).collect(),
        target: proposal.target.clone(),
        was: proposal.was.clone(),
        alike: proposal.alike.clone(),
        dismissed_by: dismissed.map(ToString::to_string),
        first: first.unwrap_or_default(),
        last: last.unwrap_or_default(),
    }
}

fn way_view(api: &Api, way: &Way) -> WayView {
    let sighting = &way.sighting;
    let found = &sighting.found;
    WayView {
        kind: api.handle.discovery().exact_kind(sighting),
        found_as: sighting.kind.clone(),
        address: found.address.clone(),
        profiles: found.profiles.clone(),
        description: found.description.clone(),
        credential: sighting.credential.clone(),
        wants_credential: found.wants_credential,
        problem: found.problem.clone(),
        target: way.target.clone(),
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::Inventory(error) => Self::from(error),
            Error::Store(error) => Self::from(error),
            Error::Addresses(_) | Error::Request { .. } | Error::NoWay { .. } => {
                let cure = "see `utakata discover --help`, and the kinds in `utakata get kinds`";
                Self::new(Code::DiscoveryInvalid, detail, cure)
            }
            Error::Running { .. } | Error::Busy => {
                let cure = "wait until it has ended (`utakata discovery runs`), or cancel it \
                            (`utakata discovery cancel ID`)";
                Self::new(Code::DiscoveryRuns, detail, cure)
            }
            Error::NoRun { .. } => {
                Self::new(Code::NotFound, detail, "see `utakata discovery runs`")
            }
            Error::NoProposal { .. } => {
                let cure = "see `utakata discovery list --all`: it is no more if something else \
                            answers there, or it was not found for months";
                Self::new(Code::NotFound, detail, cure)
            }
            Error::Closed { .. } => {
                let cure = "see `utakata discovery list --all`; another way in to a known thing is \
                            accepted by its kind (--kind)";
                Self::new(Code::ProposalClosed, detail, cure)
            }
        }
    }
}
