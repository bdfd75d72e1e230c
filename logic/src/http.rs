//! The HTTP API: `/v1`, with OpenAPI 3.1, problem+json, and a bearer token or the session of a
//! browser on everything but logging in. The files of the web UI are served beside it, and need
//! neither.

mod alarm_rules;
mod alarms;
mod allowed;
mod apply;
mod arriving;
mod audit;
mod auth;
mod bindings;
mod body;
mod caller;
mod connections;
mod cookie;
mod credentials;
mod discoveries;
mod envelopes;
mod environments;
mod errors;
mod events;
mod explain;
mod floors;
mod follower;
mod gate;
mod history;
mod kinds;
mod local;
mod locks;
mod login;
mod metrics;
mod needs;
mod notifications;
mod openapi;
mod operations;
mod orders;
mod overview;
mod page;
mod passed_on;
mod path;
mod people;
mod policies;
mod problem;
mod proposals;
mod query;
mod readings;
mod reads;
mod reason;
mod relations;
mod relay;
mod releases;
mod rollouts;
mod route;
mod schedules;
mod scrape;
mod secrets;
mod session;
mod size;
mod standing;
mod status;
mod targets;
mod tasks;
mod tls;
mod tokens;
mod trail;
mod verb;
mod view;
mod waiting;
mod web;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    http::{HeaderValue, Method, Uri, header},
    middleware,
    response::Response,
};
use jiff::fmt::rfc2822::DateTimePrinter;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use utakata_api::client::{self, Trust, relay::Relay};
use utakata_model::{suggest, target::Secret};
use utoipa_axum::router::OpenApiRouter;

pub use follower::{Followers, Seen};
pub use local::LocalSocket;
pub use openapi::document;
pub use problem::Refused;
pub use tls::Certificate;
pub use waiting::Waiting;

use crate::{Handle, code::Code, view::View};
use gate::Gate;
use route::Route;

/// The time that requests under way may take once the end was requested.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// The state that handlers share. Cheap to clone.
#[derive(Clone)]
struct Api {
    handle: Handle,
    token: Secret,
    cancel: CancellationToken,
    relay: Relay,
    large: body::LargeBodies,
    /// The refusals of the last minute.
    refusals: Arc<trail::Refusals>,
    view: Arc<Mutex<View>>,
}

/// The reason why the API is not served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("the HTTP API cannot listen at {address}: {}", reason(source))]
    Listen {
        address: SocketAddr,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The HTTP client for relaying requests could not be set up.
    #[error("the HTTP API cannot pass requests on")]
    Relay(#[source] client::Error),
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] tls::Error),
    /// TLS cannot be set up, which is a mistake.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
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

/// Starts listening. Port 0 lets the system choose: the listener knows its address.
///
/// # Errors
/// The address is in use, or does not belong to this machine.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address)
        .await
        .map_err(|source| Error::Listen { address, source })
}

/// The ways to the API.
pub struct Doors {
    pub listener: TcpListener,
    /// The certificate of the API, if it has TLS.
    pub certificate: Option<Certificate>,
    /// The socket on which the user of this process is admin.
    pub local: Option<LocalSocket>,
}

impl From<TcpListener> for Doors {
    /// Returns the way in plain HTTP.
    fn from(listener: TcpListener) -> Self {
        Self {
            listener,
            certificate: None,
            local: None,
        }
    }
}

/// Serves the API until it is cancelled; requests under way are answered.
///
/// # Errors
/// The HTTP client cannot be set up.
pub async fn serve(
    doors: impl Into<Doors>,
    handle: Handle,
    token: Secret,
    cancel: CancellationToken,
) -> Result<(), Error> {
    let Doors {
        listener,
        certificate,
        local,
    } = doors.into();
    let config = handle.config().http.clone();
    let trust = config.tls.ca.as_deref().map(Trust::file).transpose();
    let trust = trust.map_err(Error::Relay)?;
    let relay = Relay::trusting(trust.as_ref()).map_err(Error::Relay)?;
    let router = router(handle, token, relay, cancel.clone());
    let acceptor = certificate.as_ref().map(Certificate::acceptor).transpose();
    let acceptor = acceptor.map_err(Error::Tls)?;
    let on_socket = {
        let (router, cancel) = (router.clone(), cancel.clone());
        async move {
            match local {
                Some(local) => local::serve(local, router, cancel).await,
                None => std::future::pending().await,
            }
        }
    };
    let served = connections::serve(listener, router, acceptor, &config, cancel.clone());
    let followed = async {
        match &certificate {
            Some(certificate) => certificate.follow(cancel.clone()).await,
            None => std::future::pending().await,
        }
    };
    let served = async {
        tokio::pin!(served);
        tokio::select! {
            () = &mut served => {}
            () = followed => served.await,
            () = on_socket => served.await,
        }
    };
    let give_up = async {
        cancel.cancelled().await;
        tokio::time::sleep(END_TIMEOUT).await;
    };
    tokio::select! {
        () = served => {}
        () = give_up => {}
    }
    Ok(())
}

/// Returns the routes, all but those of logging in behind a bearer token: this one, of `admin`, or
/// that of a person.
/// Streams of events end when it is cancelled.
pub fn router(handle: Handle, token: Secret, relay: Relay, cancel: CancellationToken) -> Router {
    let api = Api {
        handle,
        token,
        cancel,
        relay,
        large: body::LargeBodies::default(),
        refusals: Arc::default(),
        view: Arc::default(),
    };
    let served = routes().fold(OpenApiRouter::new(), |router, route| {
        route.serve(router, &api)
    });
    let (served, _) = served.split_for_parts();
    served
        .fallback(no_such_path)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(
            api.clone(),
            auth::authenticate,
        ))
        .layer(middleware::from_fn(web::serve))
        .layer(middleware::map_response(dated))
        .with_state(Gate::new(api))
}

/// Collects all routes: each noun declares its own.
fn routes() -> impl Iterator<Item = Route> {
    [
        status::routes(),
        overview::routes(),
        metrics::routes(),
        scrape::routes(),
        targets::routes(),
        schedules::routes(),
        credentials::routes(),
        secrets::routes(),
        relations::routes(),
        alarm_rules::routes(),
        alarms::routes(),
        floors::routes(),
        envelopes::routes(),
        policies::routes(),
        apply::routes(),
        people::routes(),
        tokens::routes(),
        bindings::routes(),
        session::routes(),
        login::routes(),
        kinds::routes(),
        releases::routes(),
        environments::routes(),
        orders::routes(),
        rollouts::routes(),
        readings::routes(),
        history::routes(),
        notifications::routes(),
        discoveries::routes(),
        proposals::routes(),
        reads::routes(),
        operations::routes(),
        explain::routes(),
        tasks::routes(),
        locks::routes(),
        audit::routes(),
        events::routes(),
        view::routes(),
        errors::routes(),
        openapi::routes(),
    ]
    .into_iter()
    .flatten()
}

/// Adds the time, by the clock to which all times in an answer refer.
async fn dated(mut response: Response) -> Response {
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&crate::clock::now());
    if let Some(date) = date.ok().and_then(|date| HeaderValue::try_from(date).ok()) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}

async fn no_such_path(uri: Uri) -> Refused {
    let path = uri.path();
    let known = openapi::paths();
    let cure = match suggest::nearest(path, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {near}? All are in /v1/openapi.json"),
        None => "all paths are in /v1/openapi.json".into(),
    };
    Refused::new(Code::NoSuchPath, format!("there is no {path}"), cure)
}

async fn method_not_allowed(method: Method, uri: Uri) -> Refused {
    let detail = format!("{method} is not allowed on {}", uri.path());
    let cure = "the methods of each path are in /v1/openapi.json";
    Refused::new(Code::MethodNotAllowed, detail, cure)
}
