//! Bodies of requests: JSON, bounded, with errors for people.

use axum::{
    body::{self, Bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use serde::de::{DeserializeOwned, Error as _, IgnoredAny, Unexpected};
use serde_json::Value;

use super::{Api, Refused};
use crate::explain;

/// A body as a JSON object of a type.
pub(super) struct Json<T>(pub T);

/// A body as any JSON.
pub(super) struct AnyJson(pub Value);

impl<T: DeserializeOwned> FromRequest<Api> for Json<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Refused> {
        let bytes = read(request, api.handle.config().http.body_limit).await?;
        object(&bytes).map(Self).map_err(|error| wrong(&error))
    }
}

impl FromRequest<Api> for AnyJson {
    type Rejection = Refused;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Refused> {
        let bytes = read(request, api.handle.config().http.body_limit).await?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| wrong(&error))
    }
}

/// A struct could be read from a list of its fields as well: nobody means that.
fn object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    if bytes.trim_ascii_start().starts_with(b"[") {
        serde_json::from_slice::<IgnoredAny>(bytes)?;
        let list = Unexpected::Other("a list");
        return Err(serde_json::Error::invalid_type(list, &"an object"));
    }
    serde_json::from_slice(bytes)
}

async fn read(request: Request, limit: usize) -> Result<Bytes, Refused> {
    if !is_json(request.headers()) {
        let detail = "the body is not declared to be JSON";
        let cure = "send the header `Content-Type: application/json`";
        return Err(Refused::new("media-type", detail, cure));
    }
    let too_large = || {
        let detail = format!("the body is larger than {limit} bytes");
        let cure = "send it in parts, or raise http.body_limit";
        Refused::new("body-too-large", detail, cure)
    };
    let declared = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok())
        .and_then(|length| length.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    body::to_bytes(request.into_body(), limit)
        .await
        .map_err(|error| {
            let source = std::error::Error::source(&error);
            if source.is_some_and(|source| source.to_string().contains("length limit")) {
                return too_large();
            }
            let detail = format!("the body did not arrive: {error}");
            Refused::new("json-invalid", detail, "send the request again")
        })
}

fn is_json(headers: &HeaderMap) -> bool {
    let declared = headers.get(header::CONTENT_TYPE);
    let declared = declared.and_then(|declared| declared.to_str().ok());
    declared.is_some_and(|declared| {
        let essence = declared.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
    })
}

/// What is wrong with a body: no JSON at all, or not what it should be.
pub(super) fn wrong(error: &serde_json::Error) -> Refused {
    let message = explain::json(error);
    if error.is_data() {
        let cure = "see /v1/openapi.json for the fields of this body";
        return Refused::new(
            "body-invalid",
            format!("the body is wrong: {message}"),
            cure,
        );
    }
    let detail = format!("the body is not JSON: {message}");
    Refused::new("json-invalid", detail, "send a JSON document")
}
