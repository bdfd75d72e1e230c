//! `/v1/metrics`: for Prometheus, and anything else that reads OpenMetrics.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use utoipa_axum::routes;

use super::{
    Refused,
    allowed::{Allowed, ToMeasure},
    route::{Answered::Anywhere, BodySize::NoBody, Route, TimeLimit::Prompt},
};
use crate::{code::Code, metrics};

pub(super) fn routes() -> Vec<Route> {
    vec![Route::new(Anywhere, NoBody, Prompt, routes!(get))]
}

/// Returns metrics, in the OpenMetrics format, of this logic environment and of all environments.
#[utoipa::path(get, path = "/v1/metrics", operation_id = "get_metrics", tag = "system",
    responses((status = 200, description = "The metrics", body = String,
        content_type = "application/openmetrics-text")))]
pub(super) async fn get(Allowed { api, .. }: Allowed<ToMeasure>) -> Result<Response, Refused> {
    let text = match metrics::scrape(&api.handle).await {
        Err(metrics::Error::Ledger(error)) => return Err(error.into()),
        Err(error) => {
            let detail = format!("the metrics cannot be written: {error}");
            let cure = "report it, with the log of that moment";
            return Err(Refused::new(Code::Internal, detail, cure));
        }
        Ok(text) => text,
    };
    Ok(([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response())
}
