//! Listening to what the devices of the zone send unasked.
//!
//! Nothing is decoded here: datagrams are bounded by their sources, passed on in batches, and
//! answered with what comes back. The sockets outlast every worker and every release of one.

mod intake;

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::{
    net::UdpSocket,
    sync::{Notify, mpsc},
    task::JoinSet,
};
use utakata_interconnect::{
    Event, Events,
    connection::{Health, draw},
    message::notification::{DatagramBatch, ReplyBatch},
};
use utakata_model::{Backoff, EnvironmentId, Zone};

use self::intake::Intake;

/// The time for which datagrams are gathered into one batch.
const GATHER: Duration = Duration::from_millis(20);
/// The number of batches of replies that may wait. Whoever is not answered repeats.
const REPLIES: usize = 64;
/// The largest datagram.
const MAX_DATAGRAM: usize = 65_535;
/// The waits between attempts to listen at an address.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// The sender of replies to the listener.
pub(crate) type Replies = mpsc::Sender<Arc<ReplyBatch>>;

/// The listener of an environment.
pub(crate) struct Listener {
    ports: Vec<Port>,
    intake: Arc<Gathered>,
    replies: mpsc::Receiver<Arc<ReplyBatch>>,
}

/// A place at which datagrams arrive.
struct Port {
    number: usize,
    at: SocketAddr,
    health: Health,
}

/// The datagrams that wait to be passed on.
#[derive(Default)]
struct Gathered {
    intake: Mutex<Intake>,
    is_any: Notify,
}

/// The owner of the datagrams.
pub(crate) struct Place {
    pub(crate) environment: EnvironmentId,
    pub(crate) zone: Zone,
}

impl Listener {
    /// Builds a listener at these addresses; it listens once it runs. The health of each is part
    /// of the environment's status.
    pub(crate) fn build(listen: &[SocketAddr]) -> (Self, Replies, Vec<Health>) {
        let (to, replies) = mpsc::channel(REPLIES);
        let port = |(number, at): (usize, &SocketAddr)| Port {
            number,
            at: *at,
            health: Health::new("notifications", format!("udp:{at}")),
        };
        let ports: Vec<Port> = listen.iter().enumerate().map(port).collect();
        let healths = ports.iter().map(|port| port.health.clone()).collect();
        let listener = Self {
            ports,
            intake: Arc::default(),
            replies,
        };
        (listener, to, healths)
    }

    /// Listens, passes on and replies until it is dropped.
    pub(crate) async fn run(self, place: Place, events: Arc<dyn Events>) {
        if self.ports.is_empty() {
            return std::future::pending().await;
        }
        let mut tasks = JoinSet::new();
        let mut sockets = Vec::new();
        for port in self.ports {
            let (socket, bound) = tokio::sync::watch::channel(None);
            sockets.push(bound);
            let intake = Arc::clone(&self.intake);
            tasks.spawn(async move { port.listen(&socket, &intake).await });
        }
        tasks.spawn(reply(self.replies, sockets));
        pass_on(&self.intake, &place, &*events).await;
    }
}

impl Port {
    /// Listens at its address, and tries again while that is impossible.
    async fn listen(
        &self,
        bound: &tokio::sync::watch::Sender<Option<Arc<UdpSocket>>>,
        gathered: &Gathered,
    ) {
        let mut backoff = Backoff::new(RETRY.0, RETRY.1);
        loop {
            let error = match UdpSocket::bind(self.at).await {
                Ok(socket) => {
                    let socket = Arc::new(socket);
                    self.health.made();
                    backoff.reset();
                    bound.send_replace(Some(Arc::clone(&socket)));
                    self.receive(&socket, gathered).await
                }
                Err(error) => error,
            };
            bound.send_replace(None);
            self.health.lost(told(self.at, &error));
            tokio::time::sleep(backoff.wait_jittered(draw())).await;
        }
    }

    async fn receive(&self, socket: &UdpSocket, gathered: &Gathered) -> io::Error {
        let mut buffer = vec![0; MAX_DATAGRAM];
        loop {
            let (length, source) = match socket.recv_from(&mut buffer).await {
                Ok(received) => received,
                // An earlier reply met a closed port; nothing is wrong with this one.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => continue,
                Err(error) => return error,
            };
            let bytes = buffer.get(..length).unwrap_or_default();
            let is_taken =
                gathered
                    .intake
                    .lock()
                    .take_in(source, self.number, bytes, Instant::now());
            match is_taken {
                true => gathered.is_any.notify_one(),
                false => self.health.dropped(1),
            }
        }
    }
}

/// Returns the reason why an address cannot be listened at, with a cure.
fn told(at: SocketAddr, error: &io::Error) -> String {
    let cure = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            ": ports below 1024 need CAP_NET_BIND_SERVICE (AmbientCapabilities= in the unit), or \
             another port in execution.notifications.listen"
        }
        io::ErrorKind::AddrInUse => ": another program, such as snmptrapd, listens there",
        io::ErrorKind::AddrNotAvailable => ": this machine has no such address",
        _ => "",
    };
    format!("{at} cannot be listened at ({error}){cure}")
}

/// Passes on what has been gathered. What the inter connect does not take is lost, and counted:
/// senders of informs repeat.
async fn pass_on(gathered: &Gathered, place: &Place, events: &dyn Events) {
    loop {
        gathered.is_any.notified().await;
        tokio::time::sleep(GATHER).await;
        loop {
            let (datagrams, dropped) = gathered.intake.lock().batch();
            if datagrams.is_empty() && dropped.is_empty() {
                break;
            }
            let batch = DatagramBatch {
                environment: place.environment.clone(),
                zone: place.zone.clone(),
                datagrams,
                dropped,
            };
            let published = events.publish(vec![Event::Datagrams(Arc::new(batch))]);
            if let Err(error) = published.await {
                tracing::debug!(%error, "datagrams of devices could not be passed on");
            }
        }
    }
}

/// Sends replies, each from the address at which its question arrived.
async fn reply(
    mut replies: mpsc::Receiver<Arc<ReplyBatch>>,
    sockets: Vec<tokio::sync::watch::Receiver<Option<Arc<UdpSocket>>>>,
) {
    while let Some(batch) = replies.recv().await {
        for one in &batch.replies {
            let socket = sockets.get(one.from);
            let socket = socket.and_then(|socket| socket.borrow().clone());
            let Some(socket) = socket else { continue };
            if let Err(error) = socket.send_to(&one.bytes, one.to).await {
                tracing::debug!(to = %one.to, %error, "a device could not be answered");
            }
        }
    }
    // The sockets go on without replies, until everything is dropped.
    std::future::pending::<()>().await;
}
