//! Echo requests over a socket of their own.

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket as StdSocket},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustix::{
    io::Errno,
    net::{AddressFamily, Protocol, SocketFlags, SocketType, ipproto, socket_with},
};
use tokio::{
    net::UdpSocket,
    time::{Instant, timeout_at},
};

use crate::icmp::{Echo, Version};

/// The time between two requests.
const EVERY: Duration = Duration::from_millis(200);
/// The longest time that a reply is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// The replies to some requests.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pinged {
    pub sent: u32,
    /// The time of each reply.
    pub times: Vec<Duration>,
}

/// The reason why nothing can be sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system does not allow it.
    #[error("this host does not allow echo requests")]
    NotAllowed,
    /// There is no way to the address.
    #[error("there is no way to it")]
    Unreachable(#[source] io::Error),
}

/// A socket for echo requests to one address.
struct Echoes {
    socket: UdpSocket,
    has_header: bool,
}

/// Sends some echo requests, one after the other.
///
/// # Errors
/// None can be sent.
pub async fn ping(to: IpAddr, count: u32, deadline: Instant) -> Result<Pinged, Error> {
    let echoes = Echoes::open(to)?;
    let mut pinged = Pinged::default();
    for number in 0..count {
        let began = Instant::now();
        if began >= deadline {
            break;
        }
        let echo = Echo {
            version: version(to),
            id: u16::try_from(std::process::id() & 0xffff).unwrap_or_default(),
            sequence: u16::try_from(number).unwrap_or_default(),
            token: token(),
        };
        pinged.sent += 1;
        let until = deadline.min(began + PATIENCE);
        if let Ok(answer) = timeout_at(until, echoes.ask(echo)).await {
            // A refusal by the network is a request without a reply.
            pinged.times.extend(answer.is_ok().then(|| began.elapsed()));
        }
        if number + 1 < count {
            tokio::time::sleep_until(deadline.min(began + EVERY)).await;
        }
    }
    Ok(pinged)
}

impl Echoes {
    fn open(to: IpAddr) -> Result<Self, Error> {
        let (socket, has_header) = match unconnected(to, SocketType::DGRAM) {
            Ok(socket) => (socket, false),
            Err(Errno::ACCESS | Errno::PERM) => {
                let raw = unconnected(to, SocketType::RAW).map_err(|_| Error::NotAllowed)?;
                (raw, to.is_ipv4())
            }
            Err(error) => return Err(Error::Unreachable(error.into())),
        };
        let connect = || {
            socket.connect(SocketAddr::new(to, 0))?;
            UdpSocket::from_std(socket)
        };
        let socket = connect().map_err(Error::Unreachable)?;
        Ok(Self { socket, has_header })
    }

    async fn ask(&self, echo: Echo) -> io::Result<()> {
        self.socket.send(&echo.request()).await?;
        let mut buffer = [0; 256];
        loop {
            let read = self.socket.recv(&mut buffer).await?;
            let message = buffer.get(..read).unwrap_or_default();
            if echo.is_answered_by(message, self.has_header) {
                return Ok(());
            }
        }
    }
}

/// A socket that speaks ICMP: the kernel hands over replies alone to one for datagrams, which needs
/// no right besides `net.ipv4.ping_group_range`; a raw one needs CAP_NET_RAW.
fn unconnected(to: IpAddr, kind: SocketType) -> Result<StdSocket, Errno> {
    let (family, protocol): (AddressFamily, Protocol) = match version(to) {
        Version::V4 => (AddressFamily::INET, ipproto::ICMP),
        Version::V6 => (AddressFamily::INET6, ipproto::ICMPV6),
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, kind, flags, Some(protocol))?;
    Ok(socket.into())
}

fn version(to: IpAddr) -> Version {
    match to {
        IpAddr::V4(_) => Version::V4,
        IpAddr::V6(_) => Version::V6,
    }
}

/// A number that no other request on this machine has.
fn token() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_nanos());
    u64::try_from(now & u128::from(u64::MAX)).unwrap_or_default() ^ u64::from(std::process::id())
}
