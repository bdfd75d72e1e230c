//! The unix socket of the data directory: whoever runs the server, and root, are admin there, without
//! a token.

use std::{io, time::Duration};

use axum::{Router, body::Body};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{UnixListener, UnixStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// The largest number of connections at a time.
const MAX_CONNECTIONS: usize = 100;
/// The time after which a connection without requests is closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// The pause after a connection that could not be accepted.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// The mark of a request that arrived on the socket, from somebody who may be admin there.
#[derive(Debug, Clone, Copy)]
pub(super) struct LocalAdmin;

/// Serves until it is cancelled; requests under way are then cut off with the process.
pub(super) async fn serve(listener: UnixListener, router: Router, cancel: CancellationToken) {
    let mut served = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = cancel.cancelled() => return,
            Some(_) = served.join_next() => continue,
            accepted = listener.accept(), if served.len() < MAX_CONNECTIONS => accepted,
        };
        match accepted {
            Ok((stream, _)) if is_admin(&stream) => {
                served.spawn(answer(stream, router.clone()));
            }
            Ok(_) => tracing::warn!("another user has tried to be admin by the local socket"),
            Err(error) => {
                tracing::warn!(%error, "a local connection could not be accepted");
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }
}

/// Returns true if the other side is root, or whoever runs this process.
fn is_admin(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    let peer: io::Result<u32> = stream.peer_cred().map(|peer| peer.uid());
    peer.is_ok_and(|peer| peer == 0 || peer == own)
}

async fn answer(stream: UnixStream, router: Router) {
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(LocalAdmin);
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    // A fault of the connection is its client's affair.
    let _ = connection.await;
}
