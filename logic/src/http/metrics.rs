//! `/v1/metrics`: for Prometheus, and anything else that reads OpenMetrics.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use utoipa_axum::routes;

use super::{
    Api, Refused,
    route::{Answered::Anywhere, BodySize::NoBody, Route, TimeLimit::Prompt},
};
use crate::{
    code::Code,
    metrics::{self, TasksUnderWay},
};

pub(super) fn routes() -> Vec<Route> {
    vec![Route::new(Anywhere, NoBody, Prompt, routes!(get))]
}

const CONTENT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Returns metrics, in the OpenMetrics format, of this logic environment and of all environments.
#[utoipa::path(get, path = "/v1/metrics", operation_id = "get_metrics", tag = "system",
    responses((status = 200, description = "The metrics", body = String,
        content_type = "application/openmetrics-text")))]
pub(super) async fn get(State(api): State<Api>) -> Result<Response, Refused> {
    let under_way = TasksUnderWay {
        reads: api.handle.dispatch().pending(),
        control: api.handle.ledger().count().await.ok(),
    };
    let overview = api.handle.overview().await?;
    let text = metrics::text(&api.handle.status(), under_way, &overview).map_err(|error| {
        let detail = format!("the metrics cannot be written: {error}");
        Refused::new(
            Code::Internal,
            detail,
            "report it, with the log of that moment",
        )
    })?;
    Ok(([(header::CONTENT_TYPE, CONTENT)], text).into_response())
}
