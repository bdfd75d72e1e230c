//! The HTTP of probes: three paths, one request for each connection, few connections.

use std::{convert::Infallible, sync::Arc, time::Duration};

use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::timeout,
};
use utakata_interconnect::admission::Acceptor;
use utakata_logic::metrics;

use super::{State, look};

/// The most connections at a time: a kubelet, a Prometheus or two, and a person. Further ones wait.
const MAX_CONNECTIONS: usize = 32;
/// The most time for a request and its answer: an idle connection takes up no slot for longer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The most bytes of the head of a request.
const HEAD: usize = 16 * 1024;
const TEXT: &str = "text/plain; charset=utf-8";

/// Serves until aborted.
pub(super) async fn serve(listener: TcpListener, state: Arc<watch::Sender<State>>) {
    let mut acceptor = Acceptor::new("probes");
    let mut served = JoinSet::new();
    loop {
        while served.len() >= MAX_CONNECTIONS {
            served.join_next().await;
        }
        let (stream, _) = tokio::select! {
            Some(_) = served.join_next() => continue,
            accepted = acceptor.accept(&listener) => accepted,
        };
        served.spawn(connection(stream, Arc::clone(&state)));
    }
}

async fn connection(stream: TcpStream, state: Arc<watch::Sender<State>>) {
    let service = service_fn(move |request| answer(request, Arc::clone(&state)));
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    // Errors of a connection concern only its client, and a slow client asks again.
    let _ = timeout(TIMEOUT, serving).await;
}

async fn answer(
    request: Request<Incoming>,
    state: Arc<watch::Sender<State>>,
) -> Result<Response<String>, Infallible> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if !is_read {
        let text = "only GET\n".into();
        return Ok(response(StatusCode::METHOD_NOT_ALLOWED, TEXT, text));
    }
    Ok(match request.uri().path() {
        "/livez" => response(StatusCode::OK, TEXT, "alive\n".into()),
        "/readyz" => {
            let readiness = look(&state);
            let status = match readiness.is_ready {
                true => StatusCode::OK,
                false => StatusCode::SERVICE_UNAVAILABLE,
            };
            response(status, TEXT, readiness.text)
        }
        "/metrics" => counted(&state).await,
        _ => {
            let text = "there are /livez, /readyz and /metrics\n".into();
            response(StatusCode::NOT_FOUND, TEXT, text)
        }
    })
}

async fn counted(state: &watch::Sender<State>) -> Response<String> {
    let subject = state.borrow().subject.clone();
    let Some(subject) = subject else {
        let text = "it is starting\n".into();
        return response(StatusCode::SERVICE_UNAVAILABLE, TEXT, text);
    };
    match subject.metrics().await {
        Ok(text) => response(StatusCode::OK, metrics::CONTENT_TYPE, text),
        Err(error) => {
            let error = format!("{error:#}");
            tracing::warn!(error, "no metrics");
            let text = "there are no metrics now: the log says why\n".into();
            response(StatusCode::INTERNAL_SERVER_ERROR, TEXT, text)
        }
    }
}

fn response(status: StatusCode, content_type: &'static str, text: String) -> Response<String> {
    let mut response = Response::new(text);
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
