//! From a request to its answer.

mod body;

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use hyper::{Request, Response};
use serde_json::{Value, json};

use crate::discovery;
use crate::fault::Fault;
use crate::identity::Identity;
use crate::kubelet;
use crate::refusal::Refusal;
use crate::request::{Call, Query};
use crate::store::Key;
use crate::tokens::Grant;
use crate::verbs;
use crate::watching;
use crate::world::{Shared, World};

/// The media type that typed clients of Go prefer; they are answered in JSON.
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// A body of a response.
pub type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// The connection is to end.
#[derive(Debug)]
pub struct Hangup;

impl std::fmt::Display for Hangup {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("hung up")
    }
}

impl std::error::Error for Hangup {}

pub async fn answer(world: Shared, request: Request<Incoming>) -> Result<Response<Body>, Hangup> {
    world.faults.thawed().await;
    let latency = world.faults.latency();
    if latency > Duration::ZERO {
        tokio::time::sleep(latency).await;
    }
    let path = request.uri().path().to_owned();
    let query = Query::parse(request.uri().query().unwrap_or_default());
    let call = Call::parse(&path, query);
    let method = request.method().as_str().to_owned();
    let (verb, subject) = match &call {
        Some(call) => (call.verb(&method), call.subject()),
        None => ("get", path.clone()),
    };
    let fault = world.faults.on_request(verb, &subject);
    let refusal = match fault {
        Some(Fault::TooManyRequests(seconds)) => {
            let message = "The apiserver is currently overloaded, please try again later.";
            Some(Refusal::too_many(message, seconds))
        }
        Some(Fault::InternalError) => Some(Refusal::internal("Internal error occurred: as asked")),
        Some(Fault::Unavailable) => Some(Refusal::new(
            503,
            "ServiceUnavailable",
            "the server is currently unable to handle the request",
        )),
        Some(Fault::Hangup) => return Err(Hangup),
        Some(Fault::HangupAfterwards) | None => None,
    };
    if let Some(refusal) = refusal {
        return Ok(body::refused(&refusal));
    }
    let answered = match call {
        Some(call) => resource(&world, call, request).await,
        None => plain(&world, &path, &request),
    };
    world.faults.thawed().await;
    if fault == Some(Fault::HangupAfterwards) {
        return Err(Hangup);
    }
    Ok(answered.unwrap_or_else(|refusal| body::refused(&refusal)))
}

/// Answers requests that concern no resource: discovery, health, the issuer.
fn plain(
    world: &World,
    path: &str,
    request: &Request<Incoming>,
) -> Result<Response<Body>, Refusal> {
    match path {
        "/livez" | "/readyz" | "/healthz" => return Ok(body::text("ok")),
        "/version" => return Ok(body::json(200, &discovery::version())),
        _ => {}
    }
    identify(world, request)?;
    let accept = header(request, ACCEPT.as_str());
    match path {
        "/openid/v1/jwks" => Ok(body::typed(
            "application/jwk-set+json",
            &world.tokens.key_set(),
        )),
        "/.well-known/openid-configuration" => {
            Ok(body::json(200, &world.tokens.configuration(&world.address)))
        }
        path => {
            let found = discovery::at(path, &accept).ok_or_else(Refusal::no_path)?;
            Ok(body::typed(found.0, &found.1))
        }
    }
}

/// Answers a request for a resource.
async fn resource(
    world: &Shared,
    call: Call,
    request: Request<Incoming>,
) -> Result<Response<Body>, Refusal> {
    let who = identify(world, &request)?;
    let method = request.method().as_str().to_owned();
    let verb = call.verb(&method);
    who.may(verb, &call, &world.store())?;
    let kind = header(&request, CONTENT_TYPE.as_str());
    let kind = kind.split(';').next().unwrap_or_default().trim().to_owned();
    let sent = body::read(request, kind == PROTOBUF).await?;
    if let Some(subresource) = call.subresource.clone() {
        return below(world, &call, (&method, &subresource), (&kind, sent)).await;
    }
    let has_name = call.name.is_some();
    match (verb, has_name) {
        ("watch", _) => {
            let parts = watching::watch(world.clone(), call)?;
            Ok(body::stream("application/json", parts))
        }
        ("list", _) => Ok(body::json(200, &verbs::list(&call, &world.store())?)),
        ("get", _) => Ok(body::json(200, &*verbs::get(&call, &world.store())?)),
        ("create", false) => Ok(body::json(201, &*verbs::create(world, &call, sent)?)),
        ("update", true) => Ok(body::json(200, &*verbs::update(world, &call, sent)?)),
        ("patch", true) => Ok(body::json(200, &*verbs::patch(world, &call, &kind, &sent)?)),
        ("delete", true) => Ok(body::json(200, &verbs::delete(world, &call, &sent)?)),
        ("deletecollection", _) => Ok(body::json(200, &verbs::delete_all(world, &call, &sent)?)),
        _ => Err(Refusal::not_allowed()),
    }
}

/// A subresource.
async fn below(
    world: &Shared,
    call: &Call,
    (method, subresource): (&str, &str),
    (kind, sent): (&str, Value),
) -> Result<Response<Body>, Refusal> {
    let plural = call.resource.plural;
    match (plural, subresource, method) {
        ("pods", "log", "GET") => {
            let parts = kubelet::log(world.clone(), call)?;
            Ok(body::stream("text/plain", parts))
        }
        ("pods", "eviction", "POST") => Ok(body::json(201, &verbs::evict(world, call, &sent)?)),
        ("serviceaccounts", "token", "POST") => Ok(body::json(201, &token(world, call, sent)?)),
        ("namespaces", "finalize", _) => Err(Refusal::not_allowed()),
        ("pods", "resize", _) | (_, "status", _) => {
            let changed = match method {
                "GET" => verbs::get(call, &world.store())?,
                "PUT" => verbs::update(world, call, sent)?,
                "PATCH" => verbs::patch(world, call, kind, &sent)?,
                _ => return Err(Refusal::not_allowed()),
            };
            Ok(body::json(200, &changed))
        }
        _ => Err(Refusal::no_path()),
    }
}

/// A `TokenRequest`.
fn token(world: &World, call: &Call, mut request: Value) -> Result<Value, Refusal> {
    let store = world.store();
    let account = verbs::get(call, &store)?;
    let bound = &request["spec"]["boundObjectRef"];
    let pod = bound["name"].as_str().unwrap_or_default().to_owned();
    let pod_uid = store.get(&Key::pod(&call.namespace, &pod));
    let pod_uid = pod_uid.and_then(|pod| pod["metadata"]["uid"].as_str().map(str::to_owned));
    let pod_uid = pod_uid.unwrap_or_default();
    drop(store);
    let audiences = request["spec"]["audiences"]
        .as_array()
        .into_iter()
        .flatten();
    let audiences: Vec<String> = audiences
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let audiences = if audiences.is_empty() {
        vec![world.tokens.own_audience().to_owned()]
    } else {
        audiences
    };
    let seconds = request["spec"]["expirationSeconds"]
        .as_i64()
        .unwrap_or(3_600);
    let granted = world.tokens.grant(&Grant {
        namespace: &call.namespace,
        account: call.name.as_deref().unwrap_or_default(),
        account_uid: account["metadata"]["uid"].as_str().unwrap_or_default(),
        pod: (!pod_uid.is_empty()).then_some((pod.as_str(), pod_uid.as_str())),
        node: None,
        audiences,
        seconds,
    });
    let token = granted.map_err(|error| Refusal::internal(error.to_string()))?;
    request["status"] = json!({
        "token": token, "expirationTimestamp": crate::moment::in_seconds(seconds),
    });
    Ok(request)
}

fn identify(world: &World, request: &Request<Incoming>) -> Result<Identity, Refusal> {
    let authorization = header(request, AUTHORIZATION.as_str());
    Identity::of(&authorization, &world.token, &world.tokens, &world.store())
}

fn header(request: &Request<Incoming>, name: &str) -> String {
    let value = request
        .headers()
        .get(name)
        .and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

/// Nothing can go wrong with a body that is in memory.
fn never(impossible: Infallible) -> std::io::Error {
    match impossible {}
}
