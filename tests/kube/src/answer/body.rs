//! Bodies of requests and of responses.

use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Request, Response, StatusCode};
use serde_json::Value;
use tokio::sync::mpsc;

use super::{Body, never};
use crate::protobuf;
use crate::refusal::Refusal;
use crate::watching::Part;

/// Reads a body; none is `null`.
pub async fn read(request: Request<Incoming>, is_protobuf: bool) -> Result<Value, Refusal> {
    let read = request.into_body().collect().await;
    let bytes = read
        .map_err(|error| Refusal::bad(error.to_string()))?
        .to_bytes();
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    if is_protobuf {
        let read = protobuf::read(&bytes);
        return read.ok_or_else(|| Refusal::unsupported("protobuf of this kind"));
    }
    serde_json::from_slice(&bytes)
        .map_err(|error| Refusal::bad(format!("error decoding the body as JSON: {error}")))
}

pub fn json(code: u16, value: &Value) -> Response<Body> {
    with(code, "application/json", value.to_string())
}

pub fn typed(kind: &'static str, value: &Value) -> Response<Body> {
    with(200, kind, value.to_string())
}

pub fn text(text: &str) -> Response<Body> {
    with(200, "text/plain", text.to_owned())
}

pub fn refused(refusal: &Refusal) -> Response<Body> {
    let mut response = json(refusal.code, &refusal.status());
    if let Some(seconds) = refusal.retry_after {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

pub fn stream(kind: &'static str, parts: mpsc::Receiver<Part>) -> Response<Body> {
    let parts = stream::unfold(parts, |mut parts| async {
        let part = parts.recv().await?;
        Some((part, parts))
    });
    finish(200, kind, StreamBody::new(parts).boxed_unsync())
}

fn with(code: u16, kind: &'static str, text: String) -> Response<Body> {
    finish(
        code,
        kind,
        Full::new(Bytes::from(text)).map_err(never).boxed_unsync(),
    )
}

fn finish(code: u16, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or_default();
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
