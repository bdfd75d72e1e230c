//! Listening to what the devices of the zone send unasked.
//!
//! Nothing is decoded here: datagrams are bounded by their sources, passed on in batches, and
//! answered with what comes back. The sockets outlast every worker and every release of one.

mod intake;

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
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
/// The number of batches of replies that may wait: each is everything that was kept in one
/// transaction. Whoever is not answered repeats.
const REPLIES: usize = 256;
/// The time after which a receiving thread looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(100);
/// The size of the buffer in which the system keeps datagrams, in bytes.
const RECEIVE_BUFFER: usize = 8 * 1024 * 1024;
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

/// The sockets of all ports, as far as they are bound.
type Bound = watch::Receiver<Option<Arc<UdpSocket>>>;

/// Ends a receiving thread when it is dropped.
struct Wanted(Arc<AtomicBool>);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
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
            let (socket, bound) = watch::channel(None);
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
        bound: &watch::Sender<Option<Arc<UdpSocket>>>,
        gathered: &Arc<Gathered>,
    ) {
        let mut backoff = Backoff::new(RETRY.0, RETRY.1);
        loop {
            let error = match self.bind() {
                Ok(socket) => {
                    self.health.made();
                    backoff.reset();
                    bound.send_replace(Some(Arc::clone(&socket)));
                    self.receive(socket, gathered).await
                }
                Err(error) => error,
            };
            bound.send_replace(None);
            self.health.lost(told(self.at, &error));
            tokio::time::sleep(backoff.wait_jittered(draw())).await;
        }
    }

    fn bind(&self) -> io::Result<Arc<UdpSocket>> {
        let socket = UdpSocket::bind(self.at)?;
        // The system may allow less; what it then drops under a storm is repeated, if it is an
        // inform.
        let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER);
        socket.set_read_timeout(Some(LOOK))?;
        Ok(Arc::new(socket))
    }

    /// Receives on a thread of its own: where the system allows a small buffer, a storm fills it
    /// within a tenth of a second, and no task may keep it waiting that long.
    async fn receive(&self, socket: Arc<UdpSocket>, gathered: &Arc<Gathered>) -> io::Error {
        let wanted = Wanted(Arc::new(AtomicBool::new(true)));
        let (is_wanted, gathered) = (Arc::clone(&wanted.0), Arc::clone(gathered));
        let (number, health) = (self.number, self.health.clone());
        let (to, ended) = oneshot::channel();
        let thread = thread::Builder::new().name(format!("notifications-{number}"));
        let spawned = thread.spawn(move || {
            // Nobody asks any more once it is not wanted.
            let _ = to.send(receive(&socket, number, &gathered, &health, &is_wanted));
        });
        match spawned {
            Ok(_) => ended
                .await
                .unwrap_or_else(|_| io::ErrorKind::BrokenPipe.into()),
            Err(error) => error,
        }
    }
}

/// Receives datagrams while they are wanted. Blocks.
fn receive(
    socket: &UdpSocket,
    number: usize,
    gathered: &Gathered,
    health: &Health,
    is_wanted: &AtomicBool,
) -> io::Error {
    let mut buffer = vec![0; MAX_DATAGRAM];
    while is_wanted.load(Ordering::Relaxed) {
        let (length, source) = match socket.recv_from(&mut buffer) {
            Ok(received) => received,
            Err(error) if is_passing(&error) => continue,
            Err(error) => return error,
        };
        let bytes = buffer.get(..length).unwrap_or_default();
        let now = Instant::now();
        let is_taken = gathered.intake.lock().take_in(source, number, bytes, now);
        match is_taken {
            true => gathered.is_any.notify_one(),
            false => health.dropped(1),
        }
    }
    io::ErrorKind::Interrupted.into()
}

/// Returns true for an error after which the socket is as good as before: nothing came in time, or
/// an earlier reply met a closed port.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, Interrupted, TimedOut, WouldBlock};
    matches!(
        error.kind(),
        ConnectionRefused | Interrupted | TimedOut | WouldBlock
    )
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
async fn reply(mut replies: mpsc::Receiver<Arc<ReplyBatch>>, sockets: Vec<Bound>) {
    while let Some(batch) = replies.recv().await {
        let sockets: Vec<_> = sockets
            .iter()
            .map(|socket| socket.borrow().clone())
            .collect();
        // A full buffer of the system makes a sender wait.
        let sent = tokio::task::spawn_blocking(move || send(&batch, &sockets));
        if let Err(error) = sent.await {
            tracing::error!(%error, "devices were not answered");
        }
    }
    // The sockets go on without replies, until everything is dropped.
    std::future::pending::<()>().await;
}

fn send(batch: &ReplyBatch, sockets: &[Option<Arc<UdpSocket>>]) {
    for one in &batch.replies {
        let Some(Some(socket)) = sockets.get(one.from) else {
            continue;
        };
        if let Err(error) = socket.send_to(&one.bytes, one.to) {
            tracing::debug!(to = %one.to, %error, "a device could not be answered");
        }
    }
}
