//! `/v1/metrics/readings`: the latest good readings, for Prometheus.

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, header},
    response::Response,
};
use futures::stream;
use serde::Deserialize;
use utakata_model::Selector;
use utoipa_axum::routes;

use super::{
    Refused,
    allowed::{Allowed, ToMeasure},
    query::Query,
    readings::prefix,
    route::{Answered::Anywhere, BodySize::NoBody, Route, TimeLimit::Prompt},
};
use crate::export::{Scrape, Snapshot};

pub(super) fn routes() -> Vec<Route> {
    vec![Route::new(Anywhere, NoBody, Prompt, routes!(get))]
}

/// The content type of Prometheus' text format.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A query for a scrape.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ScrapeQuery {
    /// The selector of targets. Empty means all.
    #[serde(default)]
    #[param(max_length = 65536)]
    selector: Selector,
    /// A metric, or the beginning of its name: `hw.power`.
    #[param(max_length = 128)]
    metric: Option<String>,
}

/// Returns the latest good readings in Prometheus' text format, with OpenTelemetry's names
/// (`hw.power` in W is `hw_power_watts`). A state is 1 under its label `state`. Stale and suspect
/// readings are absent. The answer is made piece by piece.
#[utoipa::path(get, path = "/v1/metrics/readings", operation_id = "scrape_readings",
    tag = "observe", params(ScrapeQuery),
    responses((status = 200, description = "The readings", body = String,
        content_type = "text/plain")))]
pub(super) async fn get(
    Allowed { api, .. }: Allowed<ToMeasure>,
    Query(query): Query<ScrapeQuery>,
) -> Result<Response, Refused> {
    let prefix = prefix(query.metric)?;
    let inventory = api.handle.inventory();
    let snapshot = Snapshot {
        now: crate::clock::now(),
        served: api.handle.kinds().served(),
        schedules: inventory.schedules(),
    };
    let selection = inventory.select(&query.selector);
    let observed = Arc::clone(api.handle.observed());
    let scrape = Scrape::begin(snapshot, observed, selection, &prefix);
    let body = stream::unfold(scrape, |mut scrape| async move {
        let piece = scrape.next()?;
        // Others get their turn between the pieces of a large site.
        tokio::task::yield_now().await;
        Some((Ok::<_, Infallible>(Bytes::from(piece)), scrape))
    });
    let mut response = Response::new(Body::from_stream(body));
    let content = HeaderValue::from_static(CONTENT_TYPE);
    response.headers_mut().insert(header::CONTENT_TYPE, content);
    Ok(response)
}
