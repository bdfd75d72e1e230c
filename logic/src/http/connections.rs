//! The connections of the API: their number, the time that they may be silent, and the ones that
//! make room when there are too many.

mod version;

use std::{
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::Request,
    response::Response,
};
use hyper::{body::Frame, body::SizeHint, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use utakata_interconnect::admission::{self, Acceptor, Admission, Busy, Limits, Slot};

pub(super) use self::version::Version;
use self::version::{Requests, UnderWay};
use super::Refused;
use crate::{code::Code, config::Http};

/// The name of the listener, for the log.
const LISTENER: &str = "the HTTP API";
/// The time after which a client that accepts nothing of what it is sent counts as gone (tcp(7),
/// `TCP_USER_TIMEOUT`).
const UNTAKEN_TIMEOUT: Duration = Duration::from_secs(60);

/// The connection on which a request arrived.
#[derive(Debug, Clone)]
pub(super) struct ClientConnection {
    place: Arc<Slot<IpAddr>>,
    peer: IpAddr,
    streams: Admission<IpAddr>,
    version: Version,
    requests: Arc<Requests>,
}

/// A stream of events, which counts among streams for as long as this exists.
#[derive(Debug)]
pub(super) struct EventStream {
    _place: Slot<IpAddr>,
}

/// A body whose connection is busy until all of it was sent.
struct BusyBody {
    body: Body,
    _busy: Busy<IpAddr>,
    _under_way: UnderWay,
}

struct Connections {
    router: Router,
    tls: Option<TlsAcceptor>,
    admission: Admission<IpAddr>,
    streams: Admission<IpAddr>,
    config: Http,
    cancel: CancellationToken,
}

/// Serves until it is cancelled; requests under way are then answered.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    tls: Option<TlsAcceptor>,
    config: &Http,
    cancel: CancellationToken,
) {
    let limits = |total: usize, per_peer: usize| Limits {
        total: total.max(1),
        per_peer: per_peer.clamp(1, total.max(1)),
    };
    let connections = Arc::new(Connections {
        router,
        tls,
        admission: Admission::new(
            LISTENER,
            limits(config.connections, config.connections_per_address),
        ),
        streams: Admission::new(
            "/v1/events and /v1/view of the HTTP API",
            limits(config.streams, config.streams),
        ),
        config: config.clone(),
        cancel: cancel.clone(),
    });
    let mut acceptor = Acceptor::new(LISTENER);
    let mut served = JoinSet::new();
    loop {
        let (stream, from) = tokio::select! {
            () = cancel.cancelled() => break,
            Some(_) = served.join_next() => continue,
            accepted = connections.next(&mut acceptor, &listener) => accepted,
        };
        if let Some(guest) = connections.admit(from) {
            served.spawn(Arc::clone(&connections).serve(stream, guest));
        }
    }
    drop(listener);
    while served.join_next().await.is_some() {}
}

impl Connections {
    async fn next(
        &self,
        acceptor: &mut Acceptor,
        listener: &TcpListener,
    ) -> (TcpStream, SocketAddr) {
        self.admission.settled().await;
        acceptor.accept(listener).await
    }

    fn admit(&self, from: SocketAddr) -> Option<ClientConnection> {
        let peer = admission::peer(from.ip());
        let place = self.admission.admit(peer)?;
        Some(ClientConnection {
            place: Arc::new(place),
            peer,
            streams: self.streams.clone(),
            version: Version::One,
            requests: Arc::default(),
        })
    }

    async fn serve(self: Arc<Self>, stream: TcpStream, mut guest: ClientConnection) {
        // The first write fails if a client has gone: these options only make that sooner.
        let _ = stream.set_nodelay(true);
        let untaken = UNTAKEN_TIMEOUT.as_millis() as u32;
        let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, untaken);
        match self.tls.clone() {
            None => self.answer_all(stream, guest).await,
            Some(tls) => {
                // A stranger has no longer for the handshake than for a first request.
                let agreed = tokio::time::timeout(self.config.header_timeout, tls.accept(stream));
                let agreed = tokio::select! {
                    agreed = agreed => agreed,
                    () = guest.place.pushed_out() => return,
                    () = self.cancel.cancelled() => return,
                };
                if let Ok(Ok(stream)) = agreed {
                    guest.version = Version::agreed(stream.get_ref().1.alpn_protocol());
                    self.answer_all(stream, guest).await;
                }
            }
        }
    }

    /// Answers the requests of a connection until it ends.
    async fn answer_all(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        guest: ClientConnection,
    ) {
        let router = self.router.clone();
        let of_requests = guest.clone();
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            answer(router.clone(), request.map(Body::new), of_requests.clone())
        });
        let builder = guest.version.builder(self.config.idle_timeout);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let mut idle = std::pin::pin!(guest.idle(self.config.idle_timeout));
        let stranger = tokio::time::sleep(self.config.header_timeout);
        let mut stranger = std::pin::pin!(stranger);
        let mut is_ending = false;
        let mut is_new = true;
        loop {
            tokio::select! {
                // A fault of the connection is its client's affair.
                _ = connection.as_mut() => return,
                () = guest.place.pushed_out() => return,
                () = stranger.as_mut(), if is_new => {
                    if guest.place.is_stranger() {
                        return;
                    }
                    is_new = false;
                }
                () = idle.as_mut(), if !is_ending => {
                    is_ending = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = self.cancel.cancelled(), if !is_ending => {
                    is_ending = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

async fn answer(
    router: Router,
    mut request: Request,
    guest: ClientConnection,
) -> Result<Response, std::convert::Infallible> {
    let under_way = Requests::begin(&guest.requests);
    version::as_of_one(&mut request);
    request.extensions_mut().insert(guest.clone());
    let response = router.oneshot(request).await?;
    let busy = guest.place.begin();
    Ok(response.map(|body| {
        Body::new(BusyBody {
            body,
            _busy: busy,
            _under_way: under_way,
        })
    }))
}

impl ClientConnection {
    /// Records that the connection has shown a valid token; it is busy until the guard is dropped.
    pub(super) fn know(&self) -> Busy<IpAddr> {
        self.place.know();
        self.place.begin()
    }

    /// Returns once it has had no request for a time. A connection of HTTP/1.1 ends by itself then.
    async fn idle(&self, timeout: Duration) {
        match self.version {
            Version::One => std::future::pending().await,
            Version::Two => self.requests.idle(timeout).await,
        }
    }

    /// Returns the address of the client.
    pub(super) fn peer(&self) -> IpAddr {
        self.peer
    }

    /// Starts following events, which does not count among requests.
    ///
    /// # Errors
    /// The largest number of streams is reached.
    pub(super) fn follow(&self) -> Result<EventStream, Refused> {
        let Some(place) = self.streams.admit(self.peer) else {
            let detail = "the limit of clients following the events is reached";
            let cure = "end one of them, or raise logic.http.streams";
            return Err(Refused::new(Code::TooBusy, detail, cure));
        };
        place.keep();
        // A connection of HTTP/2 has other requests as well, now or later.
        if self.version == Version::One {
            self.place.leave();
        }
        Ok(EventStream { _place: place })
    }
}

impl HttpBody for BusyBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
