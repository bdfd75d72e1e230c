//! The HTTP API: `/v1`, with OpenAPI 3.1, problem+json and a bearer token on everything.

mod apply;
mod audit;
mod auth;
mod body;
mod connections;
mod credentials;
mod environments;
pub mod errors;
mod events;
mod explain;
mod kinds;
mod locks;
mod metrics;
mod openapi;
mod operations;
mod orders;
mod overview;
mod page;
mod path;
mod people;
mod problem;
mod query;
mod readings;
mod reads;
mod relay;
mod releases;
mod rollouts;
mod said;
mod schedules;
mod size;
mod status;
mod targets;
mod tasks;

use std::{io, net::SocketAddr, panic::AssertUnwindSafe, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, Method, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use jiff::fmt::rfc2822::DateTimePrinter;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use utakata_api::client::{self, relay::Relay};
use utakata_model::{suggest, target::Secret};
use utoipa_axum::{router::OpenApiRouter, routes};

pub use openapi::document;
pub use problem::Refused;

use crate::{Handle, observe::WAIT_MAX};

/// After the end was asked for, requests that are under way may take this long.
const END_WITHIN: Duration = Duration::from_secs(5);

/// What handlers need. Cheap to clone.
#[derive(Clone)]
struct Api {
    handle: Handle,
    token: Secret,
    cancel: CancellationToken,
    relay: Relay,
    large: body::Large,
}

/// Why the API is not served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened at.
    #[error("the HTTP API cannot listen at {address}: {}", reason(source))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// No HTTP client could be made, to pass requests on.
    #[error("the HTTP API cannot pass requests on")]
    Relay(#[source] client::Error),
}

fn reason(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::AddrInUse => {
            "another program listens there (perhaps another utakata); end it or choose another \
             address with --listen or logic.http.listen"
        }
        io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege; choose another",
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address",
        _ => "choose another address with --listen or logic.http.listen",
    }
}

/// Listens. Port 0 lets the system choose: the listener knows its address.
///
/// # Errors
/// The address is in use or not ours.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address)
        .await
        .map_err(|source| Error::Listen { address, source })
}

/// Serves the API until it is cancelled; requests that are under way are answered.
///
/// # Errors
/// No HTTP client can be made.
pub async fn serve(
    listener: TcpListener,
    handle: Handle,
    token: Secret,
    cancel: CancellationToken,
) -> Result<(), Error> {
    let relay = Relay::new().map_err(Error::Relay)?;
    let config = handle.config().http.clone();
    let router = router(handle, token, relay, cancel.clone());
    let served = connections::serve(listener, router, &config, cancel.clone());
    let give_up = async {
        cancel.cancelled().await;
        tokio::time::sleep(END_WITHIN).await;
    };
    tokio::select! {
        () = served => {}
        () = give_up => {}
    }
    Ok(())
}

/// The routes, all behind a bearer token: this one, of `admin`, or that of a person. Streams of events end when it is cancelled.
pub fn router(handle: Handle, token: Secret, relay: Relay, cancel: CancellationToken) -> Router {
    let api = Api {
        handle,
        token,
        cancel,
        relay,
        large: body::Large::default(),
    };
    let (routes, _) = routes().split_for_parts();
    routes
        .fallback(no_such_path)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(api.clone(), bounded))
        .layer(middleware::from_fn_with_state(api.clone(), relay::relay))
        .layer(middleware::from_fn_with_state(
            api.clone(),
            auth::authenticate,
        ))
        .layer(middleware::map_response(dated))
        .with_state(api)
}

fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(status::get))
        .routes(routes!(overview::get))
        .routes(routes!(metrics::get))
        .routes(routes!(targets::list))
        .routes(routes!(targets::get, targets::put, targets::delete))
        .routes(routes!(schedules::list))
        .routes(routes!(schedules::get, schedules::put, schedules::delete))
        .routes(routes!(credentials::list))
        .routes(routes!(
            credentials::get,
            credentials::put,
            credentials::delete
        ))
        .routes(routes!(apply::post))
        .routes(routes!(people::me))
        .routes(routes!(people::list))
        .routes(routes!(people::put, people::delete))
        .routes(routes!(kinds::list))
        .routes(routes!(releases::list, releases::post))
        .routes(routes!(releases::get, releases::delete))
        .routes(routes!(releases::diff))
        .routes(routes!(releases::put_file))
        .routes(routes!(environments::list))
        .routes(routes!(environments::pause))
        .routes(routes!(environments::drain))
        .routes(routes!(environments::resume))
        .routes(routes!(environments::forget))
        .routes(routes!(orders::list))
        .routes(routes!(orders::pause))
        .routes(routes!(orders::drain))
        .routes(routes!(orders::resume))
        .routes(routes!(rollouts::list, rollouts::post))
        .routes(routes!(rollouts::get))
        .routes(routes!(rollouts::pause))
        .routes(routes!(rollouts::resume))
        .routes(routes!(rollouts::promote))
        .routes(routes!(rollouts::abort))
        .routes(routes!(rollouts::desired))
        .routes(routes!(rollouts::pins))
        .routes(routes!(rollouts::placement))
        .routes(routes!(readings::list))
        .routes(routes!(reads::post))
        .routes(routes!(operations::list, operations::post))
        .routes(routes!(operations::get))
        .routes(routes!(operations::approve))
        .routes(routes!(operations::pause))
        .routes(routes!(operations::resume))
        .routes(routes!(operations::cancel))
        .routes(routes!(operations::undo))
        .routes(routes!(explain::operation))
        .routes(routes!(tasks::list))
        .routes(routes!(tasks::get))
        .routes(routes!(tasks::settle))
        .routes(routes!(tasks::cancel))
        .routes(routes!(explain::task))
        .routes(routes!(locks::list))
        .routes(routes!(locks::put, locks::delete))
        .routes(routes!(audit::list))
        .routes(routes!(audit::head))
        .routes(routes!(audit::check))
        .routes(routes!(events::get))
        .routes(routes!(errors::list))
        .routes(routes!(errors::get))
        .routes(routes!(openapi::get))
}

/// Every request ends in time, and a fault of one is nobody else's.
/// Tells what time it is, by the clock by which all times of an answer are.
async fn dated(mut response: Response) -> Response {
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&crate::clock::now());
    if let Some(date) = date.ok().and_then(|date| HeaderValue::try_from(date).ok()) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}

async fn bounded(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let held = body::Held::default();
    request.extensions_mut().insert(held.clone());
    let response = bounded_in_time(api, request, next).await;
    held.give_back();
    response
}

async fn bounded_in_time(api: Api, request: Request, next: Next) -> Response {
    let timeout = api.handle.config().http.timeout;
    let may_wait = request.method() == Method::POST;
    let within = match releases::is_upload(request.method(), request.uri().path()) {
        true => releases::UPLOADED_WITHIN,
        false => timeout + if may_wait { WAIT_MAX } else { Duration::ZERO },
    };
    let what = format!("{} {}", request.method(), request.uri().path());
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(within, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            tracing::error!(what, "a request ended in a panic");
            let detail = format!("{what} failed by a mistake in utakata");
            Refused::new("internal", detail, "report it, with the log of that moment")
                .into_response()
        }
        Err(_) => {
            let detail = format!("{what} took longer than {} seconds", within.as_secs());
            Refused::new("timed-out", detail, "try again, or ask for less at once").into_response()
        }
    }
}

async fn no_such_path(uri: Uri) -> Refused {
    let path = uri.path();
    let known = openapi::paths();
    let cure = match suggest::nearest(path, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {near}? All are in /v1/openapi.json"),
        None => "see /v1/openapi.json for all that there are".into(),
    };
    Refused::new("no-such-path", format!("there is no {path}"), cure)
}

async fn method_not_allowed(method: Method, uri: Uri) -> Refused {
    let detail = format!("{method} cannot be done with {}", uri.path());
    let cure = "see /v1/openapi.json for what can";
    Refused::new("method-not-allowed", detail, cure)
}
