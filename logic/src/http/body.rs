//! Bodies of requests: JSON of limited cost, with errors for people.
//!
//! The content of a body takes many times the memory of the body. A large one therefore needs one
//! of a few slots, which it keeps until the request is answered, and is parsed on other threads
//! than those of permits and leases.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use futures::StreamExt;
use parking_lot::Mutex;
use serde::de::{DeserializeOwned, Error as _, IgnoredAny, Unexpected};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use utakata_model::reword;

use super::{Api, Refused, gate::Gate, needs::Needs, trail::Changes};
use crate::code::Code;

/// The size up to which a body needs no slot, in bytes.
const SMALL: usize = 64 * 1024;
/// The number of large bodies that are processed at a time.
const MAX_LARGE: usize = 2;

/// A body as a JSON object of a type.
pub(super) struct Json<T>(pub T);

/// A body of any JSON.
pub(super) struct AnyJson(pub Value);

/// The slots for large bodies. Cheap to clone.
#[derive(Clone)]
pub(super) struct LargeBodies(Arc<Semaphore>);

/// The slot of a request, if it has one: freed when the request is answered.
#[derive(Clone, Default)]
pub(super) struct LargeBody(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

impl Default for LargeBodies {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_LARGE)))
    }
}

impl LargeBodies {
    /// Takes a slot for a relayed request, if its body may be large.
    pub(super) async fn place(&self, headers: &HeaderMap) -> Option<OwnedSemaphorePermit> {
        if length(headers).is_some_and(|length| length <= SMALL) || is_empty(headers) {
            return None;
        }
        Some(self.acquire().await)
    }

    #[allow(clippy::expect_used, reason = "nobody closes the semaphore")]
    async fn acquire(&self) -> OwnedSemaphorePermit {
        let place = Arc::clone(&self.0).acquire_owned().await;
        place.expect("nobody closes the semaphore")
    }
}

impl LargeBody {
    /// Returns the slot.
    pub(super) fn give_back(&self) {
        self.0.lock().take();
    }

    async fn take(&self, large: &LargeBodies) {
        if self.0.lock().is_some() {
            return;
        }
        let place = large.acquire().await;
        *self.0.lock() = Some(place);
    }
}

impl<T: DeserializeOwned + Send + 'static> FromRequest<Gate> for Json<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, gate: &Gate) -> Result<Self, Refused> {
        let changes = request.extensions().get::<Changes>().cloned();
        let bytes = read(request, gate.for_parsing()).await?;
        if let Some(changes) = changes {
            changes.body(&bytes);
        }
        let parsed = off_thread(bytes, |bytes| object(bytes)).await?;
        parsed.map(Self).map_err(|error| wrong(&error))
    }
}

impl FromRequest<Gate> for AnyJson {
    type Rejection = Refused;

    async fn from_request(request: Request, gate: &Gate) -> Result<Self, Refused> {
        let bytes = read(request, gate.for_parsing()).await?;
        let parsed = off_thread(bytes, |bytes| serde_json::from_slice(bytes)).await?;
        parsed.map(Self).map_err(|error| wrong(&error))
    }
}

/// Parses a body; if that takes long, on other threads than those that must not wait.
pub(super) async fn off_thread<T: Send + 'static>(
    bytes: Bytes,
    parse: impl FnOnce(&[u8]) -> T + Send + 'static,
) -> Result<T, Refused> {
    if bytes.len() <= SMALL {
        return Ok(parse(&bytes));
    }
    let parsed = tokio::task::spawn_blocking(move || parse(&bytes)).await;
    parsed.map_err(|error| {
        let detail = format!("the body could not be read: {error}");
        Refused::new(
            Code::Internal,
            detail,
            "report it, with the log of that moment",
        )
    })
}

/// A struct could also be parsed from a list of its fields, which nobody intends.
fn object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    if bytes.trim_ascii_start().starts_with(b"[") {
        serde_json::from_slice::<IgnoredAny>(bytes)?;
        let list = Unexpected::Other("a list");
        return Err(serde_json::Error::invalid_type(list, &"an object"));
    }
    serde_json::from_slice(bytes)
}

/// Reads a whole body, in time, and no more of it than its route allows.
pub(super) async fn read(request: Request, api: &Api) -> Result<Bytes, Refused> {
    let limit = api.handle.config().http.body_timeout;
    match tokio::time::timeout(limit, read_now(request, api)).await {
        Ok(read) => read,
        Err(_) => Err(late(limit)),
    }
}

async fn read_now(request: Request, api: &Api) -> Result<Bytes, Refused> {
    if !is_json(request.headers()) {
        let detail = "the body is not declared to be JSON";
        let cure = "send the header `Content-Type: application/json`";
        return Err(Refused::new(Code::MediaType, detail, cure));
    }
    let limit = Needs::of(&request).body_limit(&api.handle.config().http);
    let declared = length(request.headers()).unwrap_or(0);
    if declared > limit {
        return Err(too_large(limit));
    }
    let held = request.extensions().get::<LargeBody>().cloned();
    // Without one the place would be free again before the request is answered.
    let held = utakata_invariant::present(held, "a request has no place for its body", &declared);
    let held = held.unwrap_or_default();
    if declared > SMALL {
        held.take(&api.large).await;
    }
    let mut bytes = Vec::with_capacity(declared);
    let mut body = request.into_body().into_data_stream();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| {
            let detail = format!("the body did not arrive: {error}");
            Refused::new(Code::JsonInvalid, detail, "send the request again")
        })?;
        let length = bytes.len() + chunk.len();
        if length > limit {
            return Err(too_large(limit));
        }
        if length > SMALL {
            held.take(&api.large).await;
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.into())
}

/// Returns the declared length of a body.
fn length(headers: &HeaderMap) -> Option<usize> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

fn is_empty(headers: &HeaderMap) -> bool {
    !headers.contains_key(header::CONTENT_LENGTH)
        && !headers.contains_key(header::TRANSFER_ENCODING)
}

pub(super) fn too_large(limit: usize) -> Refused {
    let detail = format!("the body is larger than {limit} bytes");
    let cure = "send it in parts, or raise logic.http.body_limit";
    Refused::new(Code::BodyTooLarge, detail, cure)
}

pub(super) fn late(limit: Duration) -> Refused {
    let detail = format!(
        "the body did not arrive within {} seconds, or too many large ones are being handled",
        limit.as_secs()
    );
    Refused::new(Code::TimedOut, detail, "try again, or send less at once")
}

fn is_json(headers: &HeaderMap) -> bool {
    let declared = headers.get(header::CONTENT_TYPE);
    let declared = declared.and_then(|declared| declared.to_str().ok());
    declared.is_some_and(|declared| {
        let essence = declared.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
    })
}

/// Refuses a body that is not JSON, or has the wrong form.
pub(super) fn wrong(error: &serde_json::Error) -> Refused {
    let message = reword::json(error);
    if error.is_data() {
        let cure = "see /v1/openapi.json for the fields of this body";
        return Refused::new(
            Code::BodyInvalid,
            format!("the body is wrong: {message}"),
            cure,
        );
    }
    let detail = format!("the body is not JSON: {message}");
    Refused::new(Code::JsonInvalid, detail, "send a JSON document")
}
