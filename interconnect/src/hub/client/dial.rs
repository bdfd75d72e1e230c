//! Connecting, and reconnecting.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{BufReader, BufWriter},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;
use utakata_model::Backoff;

use super::{
    super::{
        frame,
        message::{Ask, Hello, VERSION, Welcome, one_message},
    },
    ClientState, ConnectError, State,
    link::Link,
};
use crate::connection::draw;

/// The time for which the first connection is attempted.
const FIRST_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest time that a hub may take to answer the hello.
const WELCOME_TIMEOUT: Duration = Duration::from_secs(5);
/// The waits between attempts; jittered by up to half, so that clients do not all return at once.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));
/// The interval within which the hub hears of us.
const PING_INTERVAL: Duration = Duration::from_secs(5);
/// The time of silence after which a hub counts as away.
const MAX_SILENT: Duration = Duration::from_secs(20);
/// The time within which a hub must accept a message, or counts as away.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);

/// A connection whose hello was received.
#[derive(Debug)]
pub(super) struct Dialled {
    read: BufReader<OwnedReadHalf>,
    write: BufWriter<OwnedWriteHalf>,
}

/// A link that somebody reads and writes: otherwise nobody must wait for it.
struct InUse(Arc<Link>);

/// Keeps a client connected.
#[derive(Debug)]
pub(super) struct Redial {
    pub(super) path: PathBuf,
    pub(super) shared: Arc<ClientState>,
}

/// Connects to a hub that may not exist yet. One that listens and does not answer is awaited
/// without limit, as a broker is: its host stalls, and continues.
pub(super) async fn patiently(path: &Path) -> Result<Dialled, ConnectError> {
    let mut give_up_at = Instant::now() + FIRST_TIMEOUT;
    let mut backoff = BACKOFF;
    loop {
        let mut wait = backoff.wait();
        match dial(path).await {
            Err(ConnectError::Silent { .. }) => {
                let (hub, within) = (path.display(), WELCOME_TIMEOUT);
                tracing::warn!(%hub, ?within, "the hub listens and does not answer; trying again");
                give_up_at = Instant::now() + FIRST_TIMEOUT;
                backoff.reset();
                wait = backoff.wait();
            }
            Err(ConnectError::Away { .. }) if Instant::now() + wait < give_up_at => {}
            dialled => return dialled,
        }
        tokio::time::sleep(wait).await;
    }
}

async fn dial(path: &Path) -> Result<Dialled, ConnectError> {
    let away = |source| ConnectError::Away {
        path: path.into(),
        source,
    };
    let stream = UnixStream::connect(path).await.map_err(away)?;
    let (read, write) = stream.into_split();
    let mut dialled = Dialled {
        read: BufReader::new(read),
        write: BufWriter::new(write),
    };
    let welcome = timeout(WELCOME_TIMEOUT, dialled.greet()).await;
    let welcome = welcome.map_err(|_| ConnectError::Silent { path: path.into() })?;
    match welcome {
        Ok(Welcome::Welcome { version: VERSION }) => Ok(dialled),
        Ok(Welcome::Welcome { version }) => Err(ConnectError::Refused {
            path: path.into(),
            reason: format!("it speaks version {version}, and this program {VERSION}"),
        }),
        Ok(Welcome::Refused { reason }) => Err(ConnectError::Refused {
            path: path.into(),
            reason,
        }),
        Err(error) => Err(away(error)),
    }
}

impl Dialled {
    async fn greet(&mut self) -> io::Result<Welcome> {
        let hello = Hello {
            version: VERSION,
            pid: std::process::id(),
        };
        frame::write_message(&mut self.write, &hello).await?;
        let welcome = frame::read_message(&mut self.read, frame::MAX_HELLO_LENGTH).await?;
        welcome.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.lose("the client of the hub has hung up");
    }
}

impl Redial {
    /// Runs until it is stopped, or nobody uses the client any more.
    pub(super) async fn run(self, first: Dialled, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.stay_connected(first) => {}
        }
        self.shared.turn(State::Closed);
    }

    async fn stay_connected(&self, first: Dialled) {
        let mut dialled = first;
        loop {
            let reason = self.talk(dialled).await.to_string();
            // The state of the connection is reported and logged, as for any broker.
            tracing::debug!(%reason, "the connection to the hub was lost: connecting again");
            let mut backoff = BACKOFF;
            dialled = loop {
                match dial(&self.path).await {
                    Ok(dialled) => break dialled,
                    Err(error) => tracing::debug!(%error, "the hub is still away"),
                }
                tokio::time::sleep(backoff.wait_jittered(draw())).await;
            };
            tracing::debug!("connected to the hub again");
        }
    }

    /// Uses a connection until it is lost, and returns the reason.
    async fn talk(&self, dialled: Dialled) -> io::Error {
        let Dialled {
            mut read,
            mut write,
        } = dialled;
        let (link, mut frames) = Link::new();
        let link = InUse(Arc::new(link));
        self.begin(&link.0);
        self.shared.turn(State::Up(Arc::clone(&link.0)));
        let lost = tokio::select! {
            heard = link.0.hear(&mut read, MAX_SILENT) => heard,
            written = frame::write_all(&mut write, &mut frames, WRITE_TIMEOUT) => written,
            () = ping(&link.0) => Ok(()),
        };
        let lost = lost.err();
        let lost = lost.unwrap_or_else(|| io::ErrorKind::ConnectionAborted.into());
        let reason = format!("the connection to the hub was lost: {lost}");
        self.shared.turn(State::Away(reason.clone()));
        link.0.lose(&reason);
        lost
    }

    /// Tells the hub our environments and their last will again: it may have forgotten them.
    fn begin(&self, link: &Link) {
        let mut statuses = self.shared.statuses().into_iter().peekable();
        while statuses.peek().is_some() {
            match one_message(&mut statuses) {
                Ok(part) => link.mention(Ask::PublishEvents(part)),
                Err(error) => tracing::error!(%error, "a status cannot be sent"),
            }
        }
    }
}

async fn ping(link: &Link) {
    loop {
        tokio::time::sleep(PING_INTERVAL).await;
        link.mention(Ask::Ping);
    }
}
