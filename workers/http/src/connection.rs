//! One kept connection to a server, over which one request is sent at a time.

use std::{error::Error as _, io, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    HeaderMap, Method, StatusCode,
    client::conn::http1::{self, SendRequest},
    header::{self, HeaderName, HeaderValue},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinHandle,
    time::{Instant, timeout_at},
};
use utakata_worker_sdk::{
    address::{Address, Host},
    model::Cure,
};

use crate::{
    socket::{Owner, Socket},
    tls,
    trust::{Fingerprint, Trust},
    unclosed::Unclosed,
};

/// The read buffer of a connection: there may be many thousand connections.
const BUFFER: usize = 16 * 1024;

/// The server at the other end, and whether it speaks TLS.
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub address: Address,
    /// The rule for its certificate. Absent: plain HTTP.
    pub trust: Option<Trust>,
}

#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    /// The path and the query.
    pub path: String,
    pub headers: Vec<(HeaderName, String)>,
    pub body: Bytes,
}

/// An answer, received completely.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// A kept connection. It is closed when it is dropped, before anything else is done.
#[derive(Debug)]
pub struct Connection {
    /// Dropped with the connection.
    _owner: Owner,
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
    host: String,
    /// The certificate of the server, in DER.
    pub certificate: Option<Vec<u8>>,
}

/// The reason why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name of the server cannot be resolved.
    #[error("its name cannot be resolved")]
    Name(#[source] io::Error),
    /// There is no connection.
    #[error(transparent)]
    Open(#[from] tls::Error),
    /// The request cannot be one.
    #[error("the request is malformed")]
    Request(#[source] hyper::http::Error),
    /// The connection had ended before the request was sent.
    #[error("the connection had ended")]
    Unsent,
    /// The request was sent, and no answer arrived in time.
    #[error("no answer arrived in time")]
    Silence,
    /// The request was sent, and the connection broke, or the answer is no HTTP.
    #[error("the answer broke off or is no HTTP: {0}")]
    Broken(String),
    /// The answer is larger than permitted.
    #[error("the answer is larger than {limit} bytes")]
    Large { limit: usize },
}

impl Error {
    /// Returns true if the server has certainly not seen the request.
    pub fn is_unsent(&self) -> bool {
        match self {
            Self::Name(_) | Self::Open(_) | Self::Request(_) | Self::Unsent => true,
            Self::Silence | Self::Broken(_) | Self::Large { .. } => false,
        }
    }
}

impl Request {
    /// A request without a body.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }
}

impl Response {
    /// A header as text.
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Connection {
    /// Connects to a server.
    ///
    /// # Errors
    /// It cannot be reached, or is not the right one.
    pub async fn open(endpoint: &Endpoint, deadline: Instant) -> Result<Self, Error> {
        let addresses = timeout_at(deadline, endpoint.address.resolve()).await;
        let addresses = addresses
            .map_err(|_| Error::Open(tls::Error::Silence))?
            .map_err(Error::Name)?;
        let stream = tls::connect(&addresses, deadline).await?;
        let (stream, owner) = Socket::new(stream);
        let host = host(&endpoint.address, endpoint.trust.is_some());
        let Some(trust) = &endpoint.trust else {
            return Self::over((stream, owner), host, None).await;
        };
        let name = name_of(&endpoint.address);
        let (stream, certificate) = tls::handshake(stream, &name, trust, deadline).await?;
        Self::over((Unclosed(stream), owner), host, certificate).await
    }

    async fn over<S>(
        (stream, owner): (S, Owner),
        host: String,
        certificate: Option<Vec<u8>>,
    ) -> Result<Self, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let made = http1::Builder::new()
            .max_buf_size(BUFFER)
            .handshake(TokioIo::new(stream))
            .await;
        let (sender, connection) = made.map_err(|error| broken(&error))?;
        let driver = tokio::spawn(async {
            // Its error is that of the request that was under way.
            let _ = connection.await;
        });
        Ok(Self {
            _owner: owner,
            sender,
            driver,
            host,
            certificate,
        })
    }

    /// The fingerprint of the server's certificate.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.certificate.as_deref().map(Fingerprint::of)
    }

    /// Returns true if another request may be sent over it.
    pub fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends a request and reads the whole answer, which may have this many bytes.
    ///
    /// # Errors
    /// There is no answer; [`Error::is_unsent`] says whether the server may have seen it.
    pub async fn send(
        &mut self,
        request: Request,
        limit: usize,
        deadline: Instant,
    ) -> Result<Response, Error> {
        let request = self.build(request)?;
        let ready = timeout_at(deadline, self.sender.ready()).await;
        ready
            .map_err(|_| Error::Unsent)?
            .map_err(|_| Error::Unsent)?;
        let sent = timeout_at(deadline, self.sender.try_send_request(request)).await;
        let response =
            sent.map_err(|_| Error::Silence)?
                .map_err(|mut error| match error.take_message() {
                    Some(_) => Error::Unsent,
                    None => broken(error.error()),
                })?;
        let (parts, body) = response.into_parts();
        let body = timeout_at(deadline, Limited::new(body, limit).collect()).await;
        let body = body.map_err(|_| Error::Silence)?.map_err(|error| {
            match error.downcast_ref::<hyper::Error>() {
                Some(error) => broken(error),
                None => Error::Large { limit },
            }
        })?;
        Ok(Response {
            status: parts.status,
            headers: parts.headers,
            body: body.to_bytes(),
        })
    }

    fn build(&self, request: Request) -> Result<hyper::Request<Full<Bytes>>, Error> {
        let mut builder = hyper::Request::builder()
            .method(request.method)
            .uri(request.path)
            .header(header::HOST, &self.host);
        for (name, value) in request.headers {
            let mut value =
                HeaderValue::try_from(value).map_err(|error| Error::Request(error.into()))?;
            value.set_sensitive(name == header::AUTHORIZATION);
            builder = builder.header(name, value);
        }
        builder
            .body(Full::new(request.body))
            .map_err(Error::Request)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// The name for which a server has its certificate.
pub fn name_of(address: &Address) -> String {
    match &address.host {
        Host::Name(name) => name.clone(),
        Host::Ip(ip) => ip.to_string(),
        Host::Zoned(ip, _) => ip.to_string(),
    }
}

/// The time after which a kept connection is closed, because most servers have closed it by then.
pub const IDLE: Duration = Duration::from_secs(90);

fn broken(error: &hyper::Error) -> Error {
    let cause = error.source().map(|cause| format!(": {cause}"));
    Error::Broken(format!("{error}{}", cause.unwrap_or_default()))
}

/// The text of the header `Host`: without the port if that is the usual one.
fn host(address: &Address, is_tls: bool) -> String {
    let usual = if is_tls { ":443" } else { ":80" };
    let text = match &address.host {
        // A zone is of this machine's alone (RFC 6874, section 4).
        Host::Zoned(ip, _) => format!("[{ip}]:{}", address.port),
        _ => address.to_string(),
    };
    text.strip_suffix(usual).unwrap_or(&text).to_owned()
}

/// Returns the code of an error, who can cure it, and how.
pub fn advice(error: &Error) -> (&'static str, Cure, &'static str) {
    use Error as E;
    match error {
        E::Name(_) => (
            "bad-address",
            Cure::Operator,
            "correct the name in its address",
        ),
        E::Open(tls::Error::Certificate { .. } | tls::Error::Unsigned(_)) => (
            "another-certificate",
            Cure::Operator,
            "nothing was sent; if it is right, put its fingerprint into the credential",
        ),
        E::Open(tls::Error::Handshake(_)) => (
            "device-garbage",
            Cure::Operator,
            "no TLS 1.2 or 1.3 with today's algorithms there: renew its certificate and firmware, \
             or write http:// if it has no TLS",
        ),
        E::Open(tls::Error::Connect(_) | tls::Error::Silence) => {
            ("unreachable", Cure::Retry, "no service answers there")
        }
        E::Request(_) => ("bad-address", Cure::Bug, "report it"),
        E::Unsent | E::Silence | E::Broken(_) => ("unreachable", Cure::Retry, "try again later"),
        E::Large { .. } => (
            "device-garbage",
            Cure::Operator,
            "nothing that it should tell is that large",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Nobody else runs between the end of the connection and the look at the other side.
    #[tokio::test]
    async fn a_connection_is_closed_when_it_is_dropped_and_not_later() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let endpoint = Endpoint {
            address: utakata_worker_sdk::address::parse(&address, 80).unwrap(),
            trust: None,
        };
        let deadline = Instant::now() + Duration::from_secs(10);
        let connection = Connection::open(&endpoint, deadline).await.unwrap();
        let (server, _) = listener.accept().unwrap();
        server.set_nonblocking(true).unwrap();
        let is_closed = || matches!(server.peek(&mut [0]), Ok(0));
        // Its task has begun.
        tokio::task::yield_now().await;
        assert!(!is_closed() && connection.is_open());
        drop(connection);
        assert!(is_closed());
    }
}
