//! State that the parts of a connection share, and that survives it.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use parking_lot::Mutex;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio_util::sync::CancellationToken;
use utakata_interconnect::{
    Distrust, Error, Signatures,
    clock::Clock,
    connection::Health,
    events::bus::{self, Bus},
    topic,
};
use utakata_model::{Desired, EnvironmentStatus, TargetName, Zone};
use uuid::Uuid;

use super::{
    config::Config,
    filters::{Filter, Subscriptions},
    foreign::ReportedTopics,
    incoming::{Foreign, Reader},
    intake::Intake,
    outbox::{Connection, Item, Lost, Outbox},
    outgoing::Writer,
    session::Request,
    statuses::Statuses,
    tickets::{Answer, Ticket, Tickets},
};

/// The number of messages that are kept and wait to be sent or acknowledged.
const PLACES: usize = 1_000;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: Config,
    /// The clock of this process.
    pub(super) clock: Clock,
    signatures: Option<Arc<dyn Signatures>>,
    pub(super) state: watch::Sender<State>,
    pub(super) health: Health,
    pub(super) bus: Bus,
    pub(super) outbox: Outbox,
    pub(super) intake: Intake,
    pub(super) tickets: Mutex<Tickets>,
    pub(super) places: Arc<Semaphore>,
    pub(super) statuses: Statuses,
    pub(super) wanted: Mutex<Subscriptions>,
    /// Held while subscribing, so that a second subscriber waits for the same messages as the
    /// first.
    pub(super) subscribing: tokio::sync::Mutex<()>,
    /// Cancelled once somebody has subscribed: events then have somewhere to go.
    pub(super) followed: CancellationToken,
    pub(super) marks: Marks,
    /// The retained topics of targets that are being deleted, as they arrive.
    pub(super) deleting: Mutex<HashMap<TargetName, BTreeSet<String>>>,
    /// The latest revision of each zone's desired state that arrived.
    pub(super) desired: Mutex<HashMap<Zone, u64>>,
    /// The number of expendable events that were dropped before they reached any subscriber.
    pub(super) missed: AtomicU64,
    told: Mutex<ReportedTopics>,
}

/// The state of the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Up(Connection),
    Away(String),
    Closed,
}

/// Messages to ourselves that show what has arrived before them.
#[derive(Debug)]
pub(super) struct Marks {
    topic: Mutex<String>,
    waiting: Mutex<HashMap<String, oneshot::Sender<()>>>,
}

impl Shared {
    pub(super) fn new(
        config: Config,
        will: Option<EnvironmentStatus>,
        clock: Clock,
        signatures: Option<Arc<dyn Signatures>>,
    ) -> Self {
        let limit = config.limit;
        Self {
            state: watch::Sender::new(State::Away("it connects".into())),
            health: Health::new("events", config.url.to_string()),
            bus: Bus::new(bus::Config { limit }),
            outbox: Outbox::new(limit),
            intake: Intake::new(limit),
            tickets: Mutex::default(),
            places: Arc::new(Semaphore::new(PLACES)),
            statuses: Statuses::new(will),
            wanted: Mutex::default(),
            subscribing: tokio::sync::Mutex::default(),
            followed: CancellationToken::new(),
            marks: Marks {
                topic: Mutex::new(topic::mark(&config.client)),
                waiting: Mutex::default(),
            },
            deleting: Mutex::default(),
            desired: Mutex::default(),
            missed: AtomicU64::new(0),
            told: Mutex::default(),
            config,
            clock,
            signatures,
        }
    }

    /// Returns what is needed to write messages.
    pub(super) fn writer(&self) -> Writer<'_> {
        Writer {
            max_bytes: self.config.message_bytes,
            clock: &self.clock,
            signatures: self.signatures.as_deref(),
        }
    }

    /// Returns what is needed to read messages.
    pub(super) fn reader(&self) -> Reader<'_> {
        Reader {
            clock: &self.clock,
            signatures: self.signatures.as_deref(),
        }
    }

    /// Changes the state. Once closed, it stays closed.
    pub(super) fn turn(&self, state: State) {
        self.state.send_if_modified(|now| {
            let changes = *now != State::Closed;
            if changes {
                *now = state;
            }
            changes
        });
    }

    pub(super) fn close(&self) {
        self.turn(State::Closed);
        self.outbox.close();
        *self.tickets.lock() = Tickets::default();
        self.bus.close();
    }

    /// Returns the present connection.
    pub(super) fn connection(&self) -> Result<Connection, Error> {
        match &*self.state.borrow() {
            State::Up(connection) => Ok(*connection),
            State::Away(reason) => Err(away(reason)),
            State::Closed => Err(Error::Closed),
        }
    }

    /// Returns the error of something that was sent and not answered.
    pub(super) fn lost(&self) -> Error {
        match self.connection() {
            // It is back already.
            Ok(_) => away("the connection to the broker was lost"),
            Err(error) => error,
        }
    }

    /// Sends a request to the broker; the answer arrives on the receiver.
    pub(super) fn ask(
        &self,
        connection: Connection,
        request: Request,
    ) -> Result<oneshot::Receiver<Answer>, Lost> {
        let (ticket, answer) = Ticket::new(None);
        let ticket = Some(ticket);
        self.outbox.put(connection, Item { request, ticket })?;
        Ok(answer)
    }

    /// Sends something whose answer nobody waits for.
    pub(super) fn tell(&self, connection: Connection, request: Request) -> Result<(), Lost> {
        let ticket = Some(Ticket::unwatched());
        self.outbox.put(connection, Item { request, ticket })
    }

    /// Returns all filters of this process, and its own.
    pub(super) fn filters(&self) -> Vec<Filter> {
        let mut all = self.wanted.lock().all();
        all.push(Filter {
            path: self.marks.topic(),
            retained: false,
        });
        all
    }

    /// Counts expendable messages that were dropped on the way out.
    pub(super) fn dropped(&self, count: usize) {
        if count > 0 {
            self.health.dropped(count);
        }
    }

    /// Counts expendable events that were dropped on the way in.
    pub(super) fn missed(&self, count: usize) {
        if count > 0 {
            self.health.dropped(count);
            self.missed.fetch_add(count as u64, Ordering::Relaxed);
        }
    }

    /// Returns true if desired state is known already: some brokers send it for each filter that it
    /// matches, and all of them after each connecting.
    pub(super) fn knows(&self, desired: &Desired, is_retained: bool) -> bool {
        let mut known = self.desired.lock();
        let last = known.get(&desired.zone);
        let is_known =
            |last: &u64| *last == desired.revision || (is_retained && *last > desired.revision);
        if last.is_some_and(is_known) {
            return true;
        }
        known.insert(desired.zone.clone(), desired.revision);
        false
    }

    /// Returns true if something is to be reported now, or was a moment ago.
    pub(super) fn is_news(&self, what: &str) -> bool {
        self.told.lock().is_new(what, Instant::now())
    }

    /// Ignores a message that does not count.
    pub(super) fn distrust(&self, topic: &str, why: &Distrust) {
        if *why == Distrust::Early {
            return;
        }
        self.health.distrusted(topic, why);
        if let Some(signatures) = &self.signatures {
            signatures.distrust(topic, why);
        }
    }

    /// Ignores a message that is not one of ours.
    pub(super) fn ignore(&self, topic: &str, why: &Foreign) {
        self.health.ignored(1);
        if self.is_news(topic) {
            tracing::warn!(topic, %why, "a message that is not ours was ignored");
        }
    }
}

impl Marks {
    /// Returns the topic of the marks.
    pub(super) fn topic(&self) -> String {
        self.topic.lock().clone()
    }

    pub(super) fn are_at(&self, topic: &str) -> bool {
        *self.topic.lock() == topic
    }

    /// Sets the present name of this process at the broker.
    pub(super) fn is_named(&self, client: &str) {
        *self.topic.lock() = topic::mark(client);
    }

    /// Creates a mark to send, and a receiver that resolves when it has arrived.
    pub(super) fn make(&self) -> (String, oneshot::Receiver<()>) {
        let (mark, (came, coming)) = (Uuid::now_v7().to_string(), oneshot::channel());
        let mut waiting = self.waiting.lock();
        waiting.retain(|_, one| !one.is_closed());
        waiting.insert(mark.clone(), came);
        (mark, coming)
    }

    pub(super) fn came(&self, mark: &str) {
        if let Some(waiting) = self.waiting.lock().remove(mark) {
            // The waiting task may have lost patience.
            let _ = waiting.send(());
        }
    }
}

pub(super) fn away(reason: &str) -> Error {
    Error::Away {
        reason: reason.into(),
    }
}
