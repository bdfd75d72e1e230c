//! The service of a kind: it waits for events, passes them to the [`State`], and carries out the
//! effects. Times and identifiers are made here.

mod effects;
mod handover;
mod lend;
mod links;
mod start;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use utakata_interconnect::{Delivery, Event};
use utakata_model::{Kind, TaskId};
use utakata_permit::message::StartBatch;
use utakata_protocol::clock::Watch;

pub(crate) use self::handover::{Handover, Inherited};
use self::links::WorkerLinks;
use super::{
    Context, Order,
    state::{InitialState, Moment, State},
};
use crate::{
    decisions::Revision,
    fetch::{Fetched, Fetcher},
    publish,
    routes::LedgerReply,
    worker::{Number, Report},
};

/// The intervals at which deadlines are checked, with and without anything that has one.
const UPKEEP_INTERVAL_BUSY: Duration = Duration::from_millis(50);
const UPKEEP_INTERVAL_IDLE: Duration = Duration::from_millis(250);
/// The shortest such interval, whatever waits for a moment.
const MIN_UPKEEP_INTERVAL: Duration = Duration::from_millis(5);
/// The interval at which the targets that are left alone are reported.
const BREAKERS_INTERVAL: Duration = Duration::from_millis(500);
/// The interval at which the evidence of a rollout is reported; a decision is reported at once.
const EVIDENCE_INTERVAL: Duration = Duration::from_millis(500);
/// The number of workers' reports that may wait; beyond it the workers wait.
const REPORTS: usize = 64;
/// The number of attempts that are named in the log when they end unrecorded.
const MAX_NAMED: usize = 20;

pub(crate) struct Service {
    kind: Kind,
    context: Context,
    state: State,
    fetcher: Fetcher,
    /// Deliveries whose credentials are on their way.
    borrowing: Vec<Delivery>,
    /// Changes when credentials have arrived, or cannot be had.
    lent: watch::Receiver<()>,
    /// False while the environment waits to be accepted.
    accepted: watch::Receiver<bool>,
    is_fetching: bool,
    /// The decision about a rollout that is being written, and is reported afterwards.
    writing: Option<Revision>,
    /// The moment at which the evidence of a rollout was last told.
    rollout_published: Option<Instant>,
    /// The moment at which the targets that are left alone were last told.
    breakers_published: Option<Instant>,
    reports: mpsc::Receiver<Report>,
    reporting: mpsc::Sender<Report>,
    links: WorkerLinks,
    workers: JoinSet<()>,
    answers: mpsc::Receiver<LedgerReply>,
    asks: mpsc::Sender<StartBatch>,
    outbox: mpsc::Sender<Vec<Event>>,
    pending: Vec<Event>,
    /// The number of batches put into the outbox, and of those published.
    queued: u64,
    published: Arc<AtomicU64>,
    /// True if everything that remains was handed to another program.
    has_left: bool,
}

/// The events since the last look at the state.
struct Inbox {
    reports: Vec<Report>,
    answers: Vec<LedgerReply>,
    fetched: Option<Fetched>,
    /// True if credentials have arrived, or cannot be had.
    lent: bool,
}

/// The marks that a service leaves with what all kinds share. They go with it, also when it
/// panics.
struct Presence {
    kind: Kind,
    context: Context,
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.context.board.remove(&self.kind);
        self.context.quota.remove(&self.kind);
        self.context.routes.close(&self.kind);
    }
}

/// The reason for waking up.
enum Wake {
    /// An event has arrived, or there is room for publishing.
    Event,
    /// It is time to look at everything.
    Due,
    /// No more orders will follow.
    Over,
}

impl Service {
    /// Serves the kind until it is ordered to end and everything has ended. Returns the number of
    /// attempts that were given up.
    pub(crate) async fn run(
        kind: Kind,
        context: Context,
        mut order: watch::Receiver<Order>,
        inherited: Option<Inherited>,
        cancel: CancellationToken,
    ) -> usize {
        let (outbox, queue) = publish::queue();
        let published = Arc::new(AtomicU64::new(0));
        let counted = published.clone();
        let publisher = publish::run(context.events.clone(), queue, counted, cancel.clone());
        let publisher = tokio::spawn(publisher);
        let presence = Presence {
            kind: kind.clone(),
            context: context.clone(),
        };
        let (asks, queue) = publish::asks();
        let asker = publish::ask(context.events.clone(), queue, cancel.clone());
        let asker = tokio::spawn(asker);
        let mut service = Self::build(kind, context, asks, outbox, published);
        match inherited {
            Some(inherited) => service.take_over(inherited),
            None => order.mark_changed(),
        }
        service.serve(&mut order, &cancel).await;
        asker.abort();
        drop(presence);
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
        context: Context,
        asks: mpsc::Sender<StartBatch>,
        outbox: mpsc::Sender<Vec<Event>>,
        published: Arc<AtomicU64>,
    ) -> Self {
        let (reporting, reports) = mpsc::channel(REPORTS);
        let initial = InitialState {
            kind: kind.clone(),
            environment: context.me.environment.clone(),
            rollout: context.decisions.of(&kind),
            seed: TaskId::generate(),
            next_ask: context.next_ask.load(Ordering::Relaxed),
            now: Instant::now(),
        };
        let state = State::new(initial, &context.config);
        let fetcher = Fetcher::new(context.tasks.clone(), context.zone.clone(), kind.clone());
        let (lent, accepted) = (context.loans.news(), context.loans.accepted());
        Self {
            state,
            writing: None,
            rollout_published: None,
            breakers_published: None,
            answers: context.routes.open(&kind),
            asks,
            kind,
            context,
            fetcher,
            borrowing: Vec::new(),
            lent,
            accepted,
            is_fetching: false,
            reports,
            reporting,
            links: WorkerLinks::default(),
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
        let mut inbox = Inbox {
            reports: Vec::with_capacity(REPORTS),
            answers: Vec::new(),
            fetched: None,
            lent: false,
        };
        let mut watch = Watch::start();
        while !self.is_over() {
            let wake = tokio::select! {
                wake = self.wait(&mut inbox, order) => wake,
                () = &mut timer, if !self.has_left => Wake::Due,
                () = cancel.cancelled() => return,
            };
            let at = moment();
            let now = at.now;
            if watch.was_away() {
                tracing::warn!(kind = %self.kind, "the machine was frozen: permits are dropped");
                self.state.on_stood_still(at);
            }
            let is_due = match wake {
                Wake::Over => return,
                Wake::Due => true,
                Wake::Event => self.take_in(&mut inbox, at),
            };
            let links = &self.links;
            self.state.on_room(|worker| links.room(worker));
            if is_due {
                self.upkeep(at);
                timer.as_mut().reset(self.upkeep_at(now));
                self.tell_status(now);
            }
            if self.pending.is_empty() {
                if is_due {
                    self.state.repeat(at);
                }
                self.state.begin(at);
            }
            self.act().await;
            self.leave_to_others().await;
            self.leave_if_held(now);
            // A new event may be due earlier than anything before.
            let due_at = self.upkeep_at(now);
            if due_at < timer.deadline() {
                timer.as_mut().reset(due_at);
            }
        }
    }

    /// Waits until something happens. Cancel safe.
    async fn wait(&mut self, inbox: &mut Inbox, order: &mut watch::Receiver<Order>) -> Wake {
        // Whatever was left stays as it is: later events are for the successor.
        if self.has_left {
            let changed = order.changed().await;
            return follow(&mut self.state, &changed, order);
        }
        let room = if self.pending.is_empty() && *self.accepted.borrow() {
            self.state.room().saturating_sub(self.borrowing.len())
        } else {
            0
        };
        tokio::select! {
            _ = self.reports.recv_many(&mut inbox.reports, REPORTS) => {}
            _ = self.answers.recv_many(&mut inbox.answers, REPORTS) => {}
            tasks = self.fetcher.fetch(room), if room > 0 => inbox.fetched = Some(tasks),
            Ok(()) = self.lent.changed(), if !self.borrowing.is_empty() => inbox.lent = true,
            Ok(()) = self.accepted.changed() => return Wake::Due,
            changed = order.changed() => return follow(&mut self.state, &changed, order),
            permit = self.outbox.reserve(), if !self.pending.is_empty() => {
                if let Ok(permit) = permit {
                    permit.send(std::mem::take(&mut self.pending));
                    self.queued += 1;
                }
            }
            Some(_) = self.workers.join_next() => {}
            () = self.context.decisions.written(self.writing), if self.writing.is_some() => {
                (self.writing, self.rollout_published) = (None, None);
                self.state.on_written();
                return Wake::Due;
            }
        }
        Wake::Event
    }

    /// Handles what time alone changes, and plans with the workers that the kind may have.
    fn upkeep(&mut self, at: Moment) {
        let Some(observed) = self.state.upkeep(at) else {
            return;
        };
        let (quota, kind) = (&self.context.quota, &self.kind);
        let there = self.state.workers().count();
        let needs = observed.needs().to_vec();
        let allowed = quota.ask(kind, there, needs, at.now);
        let numbers = &self.context.worker_numbers;
        let fresh = || Number(numbers.fetch_add(1, Ordering::Relaxed));
        self.state.plan(observed, allowed.as_deref(), fresh, at.now);
        quota.tell(kind, self.state.workers().count());
    }

    fn is_over(&self) -> bool {
        self.state.is_over(Instant::now()) && self.pending.is_empty()
    }

    fn upkeep_at(&self, now: Instant) -> Instant {
        let after = if self.state.is_busy() {
            UPKEEP_INTERVAL_BUSY
        } else {
            UPKEEP_INTERVAL_IDLE
        };
        let at = now + after;
        let wakes_at = self.state.wakes_at().unwrap_or(at);
        at.min(wakes_at.max(now + MIN_UPKEEP_INTERVAL))
    }

    fn tell_status(&mut self, now: Instant) {
        let board = &self.context.board;
        board.put(&self.kind, self.state.status());
        board.put_stopped(&self.kind, self.state.stopped());
        board.put_stopped_releases(&self.kind, self.state.workers().stopped_releases());
        let told = self.breakers_published;
        if told.is_none_or(|at| now.saturating_duration_since(at) >= BREAKERS_INTERVAL) {
            self.breakers_published = Some(now);
            board.put_breakers(&self.kind, self.state.breakers(now));
        }
        self.tell_rollout(now);
    }

    /// Reports the state of a rollout, but nothing that was decided and is not recorded yet.
    fn tell_rollout(&mut self, now: Instant) {
        if let Some(kept) = self.state.take_record() {
            self.writing = Some(self.context.decisions.put(&self.kind, kept));
        }
        if self.writing.is_some() {
            return;
        }
        let told = self.rollout_published;
        let is_time = told.is_none_or(|at| now.saturating_duration_since(at) >= EVIDENCE_INTERVAL);
        let board = &self.context.board;
        if is_time || board.knows_else(&self.kind, self.state.rollout().summary()) {
            self.rollout_published = Some(now);
            board.put_rollout(&self.kind, self.state.rollout().status());
        }
    }

    /// Passes the events on. Returns true if they may change the plan.
    fn take_in(&mut self, inbox: &mut Inbox, at: Moment) -> bool {
        let mut is_due = false;
        for report in inbox.reports.drain(..) {
            self.links.on_report(&report);
            is_due |= self.state.on_report(report, at);
        }
        for answered in inbox.answers.drain(..) {
            match answered {
                LedgerReply::Permits(batch) => self.state.on_permits(&batch.answers, at),
                LedgerReply::Recorded(batch) => self.state.on_recorded(&batch.attempts, at),
            }
        }
        match inbox.fetched.take() {
            Some(Fetched::Deliveries(deliveries)) => {
                is_due |= self.lend(deliveries, at);
            }
            Some(Fetched::Lost) => self.on_lost_connection(),
            None => {}
        }
        if std::mem::take(&mut inbox.lent) {
            is_due |= self.lend_again(at);
        }
        is_due
    }

    /// Forgets the deliveries of a lost connection: others get them.
    fn on_lost_connection(&mut self) {
        self.borrowing.clear();
        self.state.on_lost_connection();
    }

    /// Reports, for people, the control that nobody has recorded.
    fn tell_unrecorded(&self) {
        let unrecorded = self.state.unrecorded();
        if unrecorded.is_empty() {
            return;
        }
        let named: Vec<String> = unrecorded
            .keys()
            .take(MAX_NAMED)
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

/// Applies the newest order.
fn follow(
    state: &mut State,
    changed: &Result<(), watch::error::RecvError>,
    order: &mut watch::Receiver<Order>,
) -> Wake {
    if changed.is_err() {
        return Wake::Over;
    }
    let order = order.borrow_and_update().clone();
    state.on_order(&order, moment());
    Wake::Due
}

fn moment() -> Moment {
    Moment {
        now: Instant::now(),
        clock: Timestamp::now(),
    }
}
