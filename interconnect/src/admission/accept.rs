//! The accepting of connections, which waits while the operating system has no room for another
//! one.

use std::{io, net::IpAddr, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    time::Instant,
};
use utakata_model::Backoff;

/// The waits after errors.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(10), Duration::from_secs(1));
/// The time within which consecutive errors are one episode, with one line in the log.
const EPISODE: Duration = Duration::from_secs(60);

/// Something that accepts connections.
pub trait Listener {
    /// The connection itself.
    type Stream;
    /// The peer, as far as the operating system identifies it; connections are counted by it.
    type Peer;

    /// Waits for the next connection. Cancel safe.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, Self::Peer)>> + Send;
}

/// An acceptor of connections, one after the other.
#[derive(Debug)]
pub struct Acceptor {
    /// The name of the listener, for the log.
    what: &'static str,
    backoff: Backoff,
    last_error: Option<Instant>,
}

impl Listener for TcpListener {
    type Stream = TcpStream;
    type Peer = std::net::SocketAddr;

    async fn accept(&self) -> io::Result<(TcpStream, std::net::SocketAddr)> {
        self.accept().await
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;
    /// The process; 0 if the operating system does not say.
    type Peer = i32;

    async fn accept(&self) -> io::Result<(UnixStream, i32)> {
        let (stream, _) = self.accept().await?;
        let process = stream.peer_cred().ok().and_then(|peer| peer.pid());
        Ok((stream, process.unwrap_or(0)))
    }
}

impl Acceptor {
    /// Creates an acceptor. `what` names the listener, for the log.
    pub fn new(what: &'static str) -> Self {
        Self {
            what,
            backoff: BACKOFF,
            last_error: None,
        }
    }

    /// Waits for the next connection; errors are waited out. Cancel safe.
    pub async fn accept<L: Listener>(&mut self, listener: &L) -> (L::Stream, L::Peer) {
        loop {
            match listener.accept().await {
                Ok(accepted) => {
                    self.backoff.reset();
                    return accepted;
                }
                Err(error) if is_of_the_connection(&error) => {}
                Err(error) => {
                    self.complain(&error);
                    tokio::time::sleep(self.backoff.wait()).await;
                }
            }
        }
    }

    fn complain(&mut self, error: &io::Error) {
        let last = self.last_error.replace(Instant::now());
        if last.is_none_or(|last| last.elapsed() >= EPISODE) {
            let what = self.what;
            tracing::warn!(what, %error, "nobody can connect now: they wait");
        }
    }
}

/// Returns true for an error of one connection that ended before it was accepted (accept(2)), so
/// that the next one may be there at once.
fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// Returns an address as connections are counted by it: for IPv6, the network of one site's link,
/// which has more addresses than anybody could count (RFC 6177).
pub fn peer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(network.into())
        }
        address @ IpAddr::V4(_) => address,
    }
}
