//! An inter connect for the processes of one machine, over a Unix socket. The hub serves any tasks
//! and events, and its clients offer tasks and events in turn.
//!
//! ```text
//! utakata le ── HubClient ──┐                       ┌── Tasks
//!                           ├─ socket ─► Hub ───────┤
//! utakata wee ─ HubClient ──┘                       └── Events
//! ```
//!
//! Every message is a frame: its length (4 bytes, big-endian), then one JSON object. Tasks and
//! events have the forms of [`crate::message`]. A client numbers its requests, and each gets one
//! answer with that number. Nothing is pushed: a client that does not ask gets nothing, so that
//! messages wait only where their number is limited.
//!
//! When a client disappears, even by `kill -9`, the tasks that it fetched and did not acknowledge
//! go to others, and the environments whose status it published are reported as gone (its last
//! will), unless it has reported that itself.

pub mod client;
mod connection;
mod frame;
mod message;
mod queue;
mod replies;
mod socket;
mod stream;
mod wills;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use thiserror::Error;
use tokio::{
    net::{UnixListener, UnixStream},
    sync::Semaphore,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

pub use self::client::HubClient;
use self::{connection::Connection, socket::Socket, wills::Wills};
use crate::{Events, Tasks};

/// The longest time that stopping may take before the connections are cut off.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// The address of a hub, and its limits.
#[derive(Debug, Clone)]
pub struct Config {
    /// The socket. Tasks carry credentials, so only this user can connect to it.
    pub socket: PathBuf,
    /// The largest number of clients at a time; others are turned away.
    pub max_clients: usize,
    /// The time within which a client must accept an answer, or be cut off.
    pub read_timeout: Duration,
    /// The time of silence after which a client is cut off; ours send something every 5 s.
    pub max_silent: Duration,
}

impl Config {
    /// Creates a hub at this path.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self {
            socket: socket.into(),
            max_clients: 256,
            read_timeout: Duration::from_secs(30),
            max_silent: Duration::from_secs(30),
        }
    }
}

/// An error of starting a hub.
#[derive(Debug, Error)]
pub enum Error {
    /// Another hub listens on the socket.
    #[error(
        "another hub listens on {}: stop that one, or take another path", path.display()
    )]
    InUse { path: PathBuf },
    /// The socket cannot be created.
    #[error(
        "the hub cannot listen on {}: its folder must be one that this user can write, and the \
         path shorter than 100 bytes",
        path.display()
    )]
    Listen {
        path: PathBuf,
        source: std::io::Error,
    },
}

/// A running hub. Stop it with [`Hub::stop`]; dropping it cuts its clients off.
#[derive(Debug)]
pub struct Hub {
    stop: CancellationToken,
    tasks: JoinSet<()>,
    socket: Socket,
}

/// The state that all connections share.
struct Served {
    config: Config,
    tasks: Arc<dyn Tasks>,
    events: Arc<dyn Events>,
    wills: Wills,
}

impl Hub {
    /// Listens, and serves these tasks and events to everybody who connects. When it returns,
    /// clients can connect. The remains of a killed hub at the path are removed.
    pub async fn serve(
        config: Config,
        tasks: Arc<dyn Tasks>,
        events: Arc<dyn Events>,
    ) -> Result<Self, Error> {
        let (socket, listener) = Socket::listen(&config.socket).await?;
        let stop = CancellationToken::new();
        let served = Arc::new(Served {
            config,
            tasks,
            events,
            wills: Wills::default(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, served, stop.clone()));
        Ok(Self {
            stop,
            tasks,
            socket,
        })
    }

    /// Returns the address at which it listens.
    pub fn path(&self) -> &Path {
        self.socket.path()
    }

    /// Ends the connections and stops listening. No last will is published: nobody is left to
    /// receive it.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let all_ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_TIMEOUT, all_ended).await.is_err() {
            tracing::warn!("clients of the hub were cut off: they did not end in time");
        }
    }
}

async fn accept(listener: UnixListener, served: Arc<Served>, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(served.config.max_clients));
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted.map(|(stream, _)| stream),
        };
        let Some(stream) = accepted(stream).await else {
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!(
                max = served.config.max_clients,
                "a client of the hub was turned away: too many are connected"
            );
            continue;
        };
        number += 1;
        let (served, stop) = (Arc::clone(&served), stop.clone());
        connections.spawn(async move {
            Connection::run(number, stream, served, stop).await;
            drop(place);
        });
    }
    while connections.join_next().await.is_some() {}
}

/// Returns an accepted connection. A failure mostly means that too many files are open, which
/// passes.
async fn accepted(stream: std::io::Result<UnixStream>) -> Option<UnixStream> {
    match stream {
        Ok(stream) => Some(stream),
        Err(error) => {
            tracing::warn!(%error, "the hub could not let a client in");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}
