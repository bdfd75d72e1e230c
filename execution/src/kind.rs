//! One kind in this environment: fetches its tasks, has its workers run them, publishes what
//! came of it. One owner of everything of the kind; kinds do not wait for each other.

mod hold;
mod outcome;
mod permits;
mod pool;
mod start;
mod state;
mod unrecorded;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use utakata_interconnect::{Event, Events, OutcomeBatch, Sender, Tasks};
use utakata_model::{Class, Kind, Outcome, Stop, Task, Zone};
use utakata_permit::message::{Ask, StartBatch};
use utakata_protocol::{
    clock::Watch,
    v1::{ToWorker, to_worker::Message},
};

use crate::{
    Config,
    catalogue::Chosen,
    decisions::{DecisionLog, Revision},
    endpoint::Admission,
    fetch::{Fetched, Fetcher},
    lives::Lives,
    publish,
    quota::WorkerQuota,
    routes::{LedgerReply, Routes},
    runtime::Runtime,
    status::StatusBoard,
    worker::Report,
};
pub(crate) use hold::{Came, Held};
pub(crate) use state::Names;
use state::{Send, State};

/// How often deadlines are looked at, with and without anything that has one.
const UPKEEP_BUSY: Duration = Duration::from_millis(50);
const UPKEEP_IDLE: Duration = Duration::from_millis(250);
/// Never more often than this, whatever waits for a moment.
const UPKEEP_APART: Duration = Duration::from_millis(5);
/// Which targets are left alone is told at most so often.
const BREAKERS_APART: Duration = Duration::from_millis(500);
/// What was seen of a rollout is told at most so often; what was decided at once.
const EVIDENCE_APART: Duration = Duration::from_millis(500);
/// Reports of workers that wait to be read; more make the workers wait.
const REPORTS: usize = 64;
/// Attempts that are named in the log when they end unrecorded.
const NAMED_MOST: usize = 20;

/// What a kind should be like.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Order {
    /// The releases to serve; none: end what was begun, then end.
    pub(crate) releases: Vec<Chosen>,
    /// The way to another one of them.
    pub(crate) rollout: Option<utakata_rollout::Order>,
    /// Whether it is stopped for now, and how.
    pub(crate) stop: Option<Stop>,
    /// When it is to be ready for another program of this process, and its workers with it.
    pub(crate) hold: Option<Instant>,
    /// Versions that are stopped for now, and how.
    pub(crate) stops: BTreeMap<Arc<str>, Stop>,
    /// Versions that are to serve and are not here yet: their tasks wait.
    pub(crate) coming: BTreeSet<Arc<str>>,
    /// When what was begun is given up.
    pub(crate) give_up_at: Option<Instant>,
}

/// What all kinds of an environment share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) config: Arc<Config>,
    pub(crate) zone: Zone,
    pub(crate) names: Names,
    pub(crate) tasks: Arc<dyn Tasks>,
    pub(crate) events: Arc<dyn Events>,
    pub(crate) runtime: Arc<dyn Runtime>,
    /// Where workers connect.
    pub(crate) socket: PathBuf,
    pub(crate) board: StatusBoard,
    /// How many workers all of them may run.
    pub(crate) places: WorkerQuota,
    /// Who asks for permits.
    pub(crate) me: Sender,
    pub(crate) routes: Routes,
    /// What was decided about rollouts.
    pub(crate) book: DecisionLog,
    /// Where the processes of workers are written down.
    pub(crate) lives: Lives,
    pub(crate) admission: Admission,
    /// Where what kinds leave to another program goes.
    pub(crate) lefts: mpsc::Sender<Held>,
}

/// One kind.
pub(crate) struct Service {
    kind: Kind,
    around: Surroundings,
    state: State,
    fetcher: Fetcher,
    /// What was decided about a rollout and is being written down: told when that is done.
    writing: Option<Revision>,
    /// When others were last told what was seen of a rollout.
    rollout_told: Option<Instant>,
    /// When others were last told which targets are left alone.
    breakers_told: Option<Instant>,
    reports: mpsc::Receiver<Report>,
    reporting: mpsc::Sender<Report>,
    workers: JoinSet<()>,
    answers: mpsc::Receiver<LedgerReply>,
    asks: mpsc::Sender<StartBatch>,
    outbox: mpsc::Sender<Vec<Event>>,
    pending: Vec<Event>,
    /// Batches that were put into the outbox, and those of them that are published.
    queued: u64,
    published: Arc<AtomicU64>,
    /// Whether what is left was given away for another program.
    has_left: bool,
}

/// What has come since the state was last looked at.
struct Heard {
    reports: Vec<Report>,
    answers: Vec<LedgerReply>,
    fetched: Option<Fetched>,
}

/// What came of waiting.
enum Waited {
    /// Something was heard, or there is room for what is to be published.
    Some,
    /// It is time to look at everything.
    Due,
    /// Nobody gives orders any more.
    Over,
}

impl Service {
    /// Serves the kind until its order is to end, and all has ended. Gives the number of
    /// attempts that were given up.
    pub(crate) async fn run(
        kind: Kind,
        around: Surroundings,
        mut order: watch::Receiver<Order>,
        came: Option<Came>,
        cancel: CancellationToken,
    ) -> usize {
        let (outbox, queue) = publish::queue();
        let published = Arc::new(AtomicU64::new(0));
        let counted = published.clone();
        let publisher = publish::run(around.events.clone(), queue, counted, cancel.clone());
        let publisher = tokio::spawn(publisher);
        let (asks, queue) = publish::asks();
        let asker = publish::ask(around.events.clone(), queue, cancel.clone());
        let asker = tokio::spawn(asker);
        let mut service = Self::build(kind, around, asks, outbox, published);
        match came {
            Some(came) => service.take_over(came),
            None => order.mark_changed(),
        }
        service.serve(&mut order, &cancel).await;
        asker.abort();
        service.around.board.remove(&service.kind);
        service.around.places.remove(&service.kind);
        service.around.routes.close(&service.kind);
        service.tell_unrecorded();
        let given_up = service.state.given_up();
        if !service.pending.is_empty() {
            let pending = std::mem::take(&mut service.pending);
            tokio::select! {
                _ = service.outbox.send(pending) => {}
                () = cancel.cancelled() => {}
            }
        }
        drop(service);
        if publisher.await.is_err() {
            tracing::error!("outcomes were not published to the end");
        }
        given_up
    }

    fn build(
        kind: Kind,
        around: Surroundings,
        asks: mpsc::Sender<StartBatch>,
        outbox: mpsc::Sender<Vec<Event>>,
        published: Arc<AtomicU64>,
    ) -> Self {
        let (reporting, reports) = mpsc::channel(REPORTS);
        let (names, config) = (around.names.clone(), &around.config);
        let mut state = State::new(kind.clone(), names, config, Instant::now());
        state.resume(around.book.of(&kind));
        state.share(around.places.clone());
        let fetcher = Fetcher::new(around.tasks.clone(), around.zone.clone(), kind.clone());
        Self {
            state,
            writing: None,
            rollout_told: None,
            breakers_told: None,
            answers: around.routes.open(&kind),
            asks,
            kind,
            around,
            fetcher,
            reports,
            reporting,
            workers: JoinSet::new(),
            outbox,
            pending: Vec::new(),
            queued: 0,
            published,
            has_left: false,
        }
    }

    async fn serve(&mut self, order: &mut watch::Receiver<Order>, cancel: &CancellationToken) {
        let timer = tokio::time::sleep(Duration::ZERO);
        tokio::pin!(timer);
        let mut heard = Heard {
            reports: Vec::with_capacity(REPORTS),
            answers: Vec::new(),
            fetched: None,
        };
        let mut watch = Watch::start();
        while !self.is_over() {
            let waited = tokio::select! {
                waited = self.wait(&mut heard, order) => waited,
                () = &mut timer, if !self.has_left => Waited::Due,
                () = cancel.cancelled() => return,
            };
            let (now, clock) = (Instant::now(), Timestamp::now());
            if watch.was_away() {
                tracing::warn!(kind = %self.kind, "the machine stood still: permits are dropped");
                self.state.was_away(now, clock);
            }
            let is_due = match waited {
                Waited::Over => return,
                Waited::Due => true,
                Waited::Some => self.take_in(&mut heard, now, clock),
            };
            if is_due {
                self.state.upkeep(now, clock);
                timer.as_mut().reset(self.upkeep_at(now));
                self.tell_status(now);
            }
            if self.pending.is_empty() {
                if is_due {
                    self.state.repeat(now, clock);
                }
                self.state.begin(now, clock);
            }
            self.act().await;
            self.leave_if_held(now);
            // What has come may be due earlier than what was there.
            let due_at = self.upkeep_at(now);
            if due_at < timer.deadline() {
                timer.as_mut().reset(due_at);
            }
        }
    }

    /// Waits until something comes. Cancel safe.
    async fn wait(&mut self, heard: &mut Heard, order: &mut watch::Receiver<Order>) -> Waited {
        // What was left stays as it is: whatever comes now is for whoever goes on.
        if self.has_left {
            let changed = order.changed().await;
            return follow(&mut self.state, &changed, order);
        }
        let room = if self.pending.is_empty() {
            self.state.room()
        } else {
            0
        };
        tokio::select! {
            _ = self.reports.recv_many(&mut heard.reports, REPORTS) => {}
            _ = self.answers.recv_many(&mut heard.answers, REPORTS) => {}
            tasks = self.fetcher.fetch(room), if room > 0 => heard.fetched = Some(tasks),
            changed = order.changed() => return follow(&mut self.state, &changed, order),
            permit = self.outbox.reserve(), if !self.pending.is_empty() => {
                if let Ok(permit) = permit {
                    permit.send(std::mem::take(&mut self.pending));
                    self.queued += 1;
                }
            }
            Some(_) = self.workers.join_next() => {}
            () = self.around.book.written(self.writing), if self.writing.is_some() => {
                (self.writing, self.rollout_told) = (None, None);
                self.state.on_written();
                return Waited::Due;
            }
        }
        Waited::Some
    }

    fn is_over(&self) -> bool {
        self.state.is_over(Instant::now()) && self.pending.is_empty()
    }

    fn upkeep_at(&self, now: Instant) -> Instant {
        let after = if self.state.is_busy() {
            UPKEEP_BUSY
        } else {
            UPKEEP_IDLE
        };
        let at = now + after;
        let wakes_at = self.state.wakes_at().unwrap_or(at);
        at.min(wakes_at.max(now + UPKEEP_APART))
    }

    fn tell_status(&mut self, now: Instant) {
        let board = &self.around.board;
        board.put(&self.kind, self.state.status());
        board.put_stopped(&self.kind, self.state.stopped());
        board.put_stopped_releases(&self.kind, self.state.stopped_releases());
        let told = self.breakers_told;
        if told.is_none_or(|at| now.saturating_duration_since(at) >= BREAKERS_APART) {
            self.breakers_told = Some(now);
            board.put_breakers(&self.kind, self.state.breakers(now));
        }
        self.tell_rollout(now);
    }

    /// Tells how a rollout is, but nothing that was decided and is not written down yet.
    fn tell_rollout(&mut self, now: Instant) {
        if let Some(kept) = self.state.take_decided() {
            self.writing = Some(self.around.book.put(&self.kind, kept));
        }
        if self.writing.is_some() {
            return;
        }
        let told = self.rollout_told;
        let is_time = told.is_none_or(|at| now.saturating_duration_since(at) >= EVIDENCE_APART);
        let board = &self.around.board;
        if is_time || board.knows_else(&self.kind, self.state.rollout_in_short()) {
            self.rollout_told = Some(now);
            board.put_rollout(&self.kind, self.state.rollout());
        }
    }

    /// Whether what has come may change what is to be planned.
    fn take_in(&mut self, heard: &mut Heard, now: Instant, clock: Timestamp) -> bool {
        let mut is_due = false;
        for report in heard.reports.drain(..) {
            is_due |= self.state.on_report(report, now, clock);
        }
        for answered in heard.answers.drain(..) {
            match answered {
                LedgerReply::Permits(batch) => self.state.on_permits(&batch.answers, now, clock),
                LedgerReply::Recorded(batch) => self.state.on_recorded(&batch.attempts, now),
            }
        }
        match heard.fetched.take() {
            Some(Fetched::Deliveries(deliveries)) => {
                is_due |= self.state.on_deliveries(deliveries, now, clock);
            }
            Some(Fetched::Lost) => self.state.on_lost_connection(),
            None => {}
        }
        is_due
    }

    /// Does what the state asks for.
    async fn act(&mut self) {
        let mut effects = std::mem::take(&mut self.state.effects);
        for start in effects.starts.drain(..) {
            self.start(start);
        }
        for holding in effects.holds.drain(..) {
            self.hold(holding);
        }
        self.ask(effects.asks);
        for send in effects.sends.drain(..) {
            self.send(send);
        }
        let acknowledged = self.fetcher.acknowledge(&effects.acknowledge).await;
        if acknowledged.is_err() {
            // What was begun has its permit: where it is delivered again, that is refused.
            self.state.on_lost_connection();
        }
        self.fetcher.give_back(&effects.give_back).await;
        if self.state.is_held() || self.state.is_going_over() {
            self.fetcher.close();
        }
        self.publish_again(effects.publish_again).await;
        self.publish(effects.readings, effects.outcomes);
    }

    /// Puts reads back into their queue. Those that cannot be put there end.
    async fn publish_again(&mut self, reads: Vec<Task>) {
        if reads.is_empty() {
            return;
        }
        let refused = self.around.tasks.publish(reads.clone()).await;
        let is_left = |task: &Task| match &refused {
            Ok(refused) => refused.iter().any(|one| one.key == task.key()),
            Err(_) => true,
        };
        let left = reads.into_iter().filter(is_left).collect();
        self.state
            .not_handed_over(left, Instant::now(), Timestamp::now());
    }

    /// Asks for permits. What finds no room is asked again, as if its answer were lost.
    fn ask(&self, asks: Vec<Ask>) {
        if asks.is_empty() {
            return;
        }
        let Sender {
            environment,
            incarnation,
        } = self.around.me.clone();
        let batch = StartBatch {
            environment,
            incarnation,
            kind: self.kind.clone(),
            asks,
        };
        if self.asks.try_send(batch).is_err() {
            tracing::debug!(kind = %self.kind, "asks wait for the inter connect");
        }
    }

    fn send(&mut self, send: Send) {
        let message = ToWorker {
            message: Some(send.message),
        };
        let Err(unsent) = send.line.try_send(Ok(message)) else {
            return;
        };
        // The worker has just gone, or reads nothing.
        if let Ok(ToWorker {
            message: Some(Message::Tasks(tasks)),
        }) = unsent.into_inner()
        {
            self.state.not_sent(&tasks, send.worker);
        }
    }

    /// Readings before outcomes: whoever sees an outcome can read what was seen.
    fn publish(&mut self, readings: Vec<Event>, outcomes: Vec<Outcome>) {
        self.pending.extend(readings);
        let is_control = |outcome: &Outcome| outcome.class == Class::Control;
        let (control, observe): (Vec<_>, Vec<_>) = if outcomes.iter().any(is_control) {
            outcomes.into_iter().partition(is_control)
        } else {
            (Vec::new(), outcomes)
        };
        let me = Some(self.around.me.clone());
        for (from, outcomes) in [(me, control), (None, observe)] {
            if !outcomes.is_empty() {
                let batch = OutcomeBatch {
                    zone: self.around.zone.clone(),
                    kind: self.kind.clone(),
                    from,
                    outcomes,
                };
                self.pending.push(Event::Outcomes(Arc::new(batch)));
            }
        }
        if !self.pending.is_empty()
            && let Ok(permit) = self.outbox.try_reserve()
        {
            permit.send(std::mem::take(&mut self.pending));
            self.queued += 1;
        }
    }

    /// Says, for people, what of control nobody has written down.
    fn tell_unrecorded(&self) {
        let unrecorded = self.state.unrecorded();
        if unrecorded.is_empty() {
            return;
        }
        let named: Vec<String> = unrecorded
            .keys()
            .take(NAMED_MOST)
            .map(|told| told.key.to_string())
            .collect();
        tracing::warn!(
            kind = %self.kind,
            count = unrecorded.len(),
            attempts = named.join(" "),
            "outcomes of control were not recorded: the logic environment settles them"
        );
    }
}

/// Takes the newest order.
fn follow(
    state: &mut State,
    changed: &Result<(), watch::error::RecvError>,
    order: &mut watch::Receiver<Order>,
) -> Waited {
    if changed.is_err() {
        return Waited::Over;
    }
    let order = order.borrow_and_update().clone();
    state.on_order(&order, Instant::now(), Timestamp::now());
    Waited::Due
}
