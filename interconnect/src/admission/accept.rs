//! Accepts connections, and waits while the system has no room for another one.

use std::{io, net::IpAddr, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    time::Instant,
};
use utakata_model::Backoff;

/// The waits after errors.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(10), Duration::from_secs(1));
/// Errors that follow each other sooner are one episode, with one line in the log.
const EPISODE: Duration = Duration::from_secs(60);

/// Something that accepts connections.
pub trait Listener {
    /// The connection itself.
    type Stream;
    /// A peer, as far as the system says who it is; connections are counted by it.
    type Peer;

    /// Waits for the next connection. Cancel safe.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, Self::Peer)>> + Send;
}

/// Accepts connections one after the other.
#[derive(Debug)]
pub struct Acceptor {
    /// For the log: what they connect to.
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
    /// The process; 0 where the system does not say.
    type Peer = i32;

    async fn accept(&self) -> io::Result<(UnixStream, i32)> {
        let (stream, _) = self.accept().await?;
        let process = stream.peer_cred().ok().and_then(|peer| peer.pid());
        Ok((stream, process.unwrap_or(0)))
    }
}

impl Acceptor {
    /// `what` is listened to, for the log.
    pub fn new(what: &'static str) -> Self {
        Self {
            what,
            backoff: BACKOFF,
            last_error: None,
        }
    }

    /// The next connection; errors are waited out. Cancel safe.
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

/// Returns true for an error of one connection that went before it was accepted (accept(2)), and
/// the next one may be there at once.
fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// An address as connections are counted by it: of IPv6, the network of one site's link, which
/// has more addresses than anybody could count (RFC 6177).
pub fn peer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(network.into())
        }
        address @ IpAddr::V4(_) => address,
    }
}
