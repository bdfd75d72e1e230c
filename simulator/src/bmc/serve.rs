//! The connections of BMCs: one address for each, or one listener for a range of addresses.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, IF_MATCH};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Bmc;
use super::answer::{Answer, Asked, Exchange};
use super::certificate::Shown;
use crate::connections::Shared;
use crate::fault::{Fault, Reply};

/// The read buffer of a connection: there may be many thousand.
const BUFFER: usize = 8 * 1024;
const LARGEST_BODY: usize = 64 * 1024;

/// Listens on an address; port 0 picks a free one. Returns the address, too.
///
/// # Errors
/// The address is not free.
pub async fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Serves the BMC that `find` knows at the address that was connected to, until dropped.
pub async fn serve(
    listener: TcpListener,
    find: impl Fn(SocketAddr) -> Option<Arc<Bmc>> + Send + 'static,
) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let found = stream.local_addr().ok().and_then(&find);
                if let Some(bmc) = found {
                    let stream = Arc::new(stream);
                    bmc.connected(&stream);
                    connections.spawn(converse(bmc, stream));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a connection to a BMC failed");
                tokio::task::yield_now().await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(bmc: Arc<Bmc>, stream: Arc<TcpStream>) {
    let mut life = bmc.life.subscribe();
    tokio::select! {
        () = speak(&bmc, stream) => {}
        // Power loss and restarts end every connection.
        _ = life.changed() => {}
    }
}

async fn speak(bmc: &Arc<Bmc>, stream: Arc<TcpStream>) {
    let _ = stream.set_nodelay(true);
    let mut stream = Shared(stream);
    if !bmc.is_answering() {
        // Nobody is there: the connection stays open until the client has had enough.
        let mut ignored = [0; 256];
        while stream
            .read(&mut ignored)
            .await
            .is_ok_and(|length| length > 0)
        {}
        return;
    }
    match &bmc.certificates {
        None => speak_http(bmc, stream).await,
        Some(certificates) => {
            let acceptor = certificates.acceptor(bmc.shown());
            // A client that does not like the certificate is no fault of ours.
            if let Ok(stream) = acceptor.accept(stream).await {
                speak_http(bmc, stream).await;
            }
        }
    }
}

async fn speak_http<S>(bmc: &Arc<Bmc>, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request| respond(bmc.clone(), request));
    let _ = http1::Builder::new()
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn respond(
    bmc: Arc<Bmc>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let under_way = UnderWay::of(bmc.clone());
    let (head, body) = request.into_parts();
    let body = Limited::new(body, LARGEST_BODY).collect().await;
    let body = body.map(|body| body.to_bytes().to_vec());
    let text = |headers: &HeaderMap, name: &str| {
        let value = headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let asked = Asked {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        token: text(&head.headers, "x-auth-token"),
        authorization: text(&head.headers, AUTHORIZATION.as_str()),
        tag: text(&head.headers, IF_MATCH.as_str()),
        body: body.unwrap_or_default(),
    };
    match bmc.receive(&asked, bmc.now()) {
        Exchange::Never => std::future::pending().await,
        Exchange::After(delay, answer) => {
            sleep(delay).await;
            under_way.answered();
            Ok(response(answer))
        }
    }
}

fn response(answer: Answer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    let json = "application/json".to_owned();
    for (name, value) in answer.headers.into_iter().chain([("content-type", json)]) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    response
}

/// A request that is counted.
struct UnderWay(Arc<Bmc>);

impl UnderWay {
    fn of(bmc: Arc<Bmc>) -> Self {
        let now = bmc.now();
        bmc.state.lock().tally.begin(now);
        Self(bmc)
    }

    fn answered(&self) {
        self.0.state.lock().tally.counts.answers += 1;
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.state.lock().tally.end();
    }
}

impl Bmc {
    fn connected(&self, stream: &Arc<TcpStream>) {
        let mut state = self.state.lock();
        let open = state.open.add(stream);
        state.tally.connect(open);
    }

    fn is_answering(&self) -> bool {
        let now = self.now();
        let mut state = self.state.lock();
        self.settle(&mut state, now);
        state.is_there() && state.faults.reply(now) != Reply::Never
    }

    fn shown(&self) -> Shown {
        let has_changed = self.state.lock().faults.has(Fault::CertificateChanged);
        match has_changed {
            true => Shown::Other,
            false => Shown::Own,
        }
    }
}
