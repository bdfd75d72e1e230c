//! Serves a kind: waits for what comes, passes it to the [`State`], and carries out what that
//! would have done. Time and identifiers are made here.

mod effects;
mod handover;
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
use utakata_interconnect::Event;
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

/// The intervals at which deadlines are looked at, with and without anything that has one.
const UPKEEP_INTERVAL_BUSY: Duration = Duration::from_millis(50);
const UPKEEP_INTERVAL_IDLE: Duration = Duration::from_millis(250);
/// Never more often than this, whatever waits for a moment.
const MIN_UPKEEP_INTERVAL: Duration = Duration::from_millis(5);
/// The interval at which the targets that are left alone are told.
const BREAKERS_INTERVAL: Duration = Duration::from_millis(500);
/// The interval at which the evidence of a rollout is told; a decision is told at once.
const EVIDENCE_INTERVAL: Duration = Duration::from_millis(500);
/// Reports of workers that wait to be read; more make the workers wait.
const REPORTS: usize = 64;
/// Attempts that are named in the log when they end unrecorded.
const MAX_NAMED: usize = 20;

/// One kind.
pub(crate) struct Service {
    kind: Kind,
    context: Context,
    state: State,
    fetcher: Fetcher,
    /// A decision about a rollout that is being written down: told when that is done.
    writing: Option<Revision>,
    /// The moment at which the evidence of a rollout was last told.
    rollout_told: Option<Instant>,
    /// The moment at which the targets that are left alone were last told.
    breakers_told: Option<Instant>,
    reports: mpsc::Receiver<Report>,
    reporting: mpsc::Sender<Report>,
    links: WorkerLinks,
    workers: JoinSet<()>,
    answers: mpsc::Receiver<LedgerReply>,
    asks: mpsc::Sender<StartBatch>,
    outbox: mpsc::Sender<Vec<Event>>,
    pending: Vec<Event>,
    /// Batches that were put into the outbox, and those of them that are published.
    queued: u64,
    published: Arc<AtomicU64>,
    /// Everything that remains was given away for another program.
    has_left: bool,
}

/// The events since the state was last looked at.
struct Inbox {
    reports: Vec<Report>,
    answers: Vec<LedgerReply>,
    fetched: Option<Fetched>,
}

/// The reason for waking up.
enum Wake {
    /// An event has come, or there is room for what is to be published.
    Event,
    /// It is time to look at everything.
    Due,
    /// No more orders will follow.
    Over,
}

impl Service {
    /// Serves the kind until its order is to end, and all has ended. Gives the number of
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
        service.context.board.remove(&service.kind);
        service.context.quota.remove(&service.kind);
        service.context.routes.close(&service.kind);
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
            now: Instant::now(),
        };
        let state = State::new(initial, &context.config);
        let fetcher = Fetcher::new(context.tasks.clone(), context.zone.clone(), kind.clone());
        Self {
            state,
            writing: None,
            rollout_told: None,
            breakers_told: None,
            answers: context.routes.open(&kind),
            asks,
            kind,
            context,
            fetcher,
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
                tracing::warn!(kind = %self.kind, "the machine stood still: permits are dropped");
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
            self.leave_if_held(now);
            // What has come may be due earlier than what was there.
            let due_at = self.upkeep_at(now);
            if due_at < timer.deadline() {
                timer.as_mut().reset(due_at);
            }
        }
    }

    /// Waits until something comes. Cancel safe.
    async fn wait(&mut self, inbox: &mut Inbox, order: &mut watch::Receiver<Order>) -> Wake {
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
            _ = self.reports.recv_many(&mut inbox.reports, REPORTS) => {}
            _ = self.answers.recv_many(&mut inbox.answers, REPORTS) => {}
            tasks = self.fetcher.fetch(room), if room > 0 => inbox.fetched = Some(tasks),
            changed = order.changed() => return follow(&mut self.state, &changed, order),
            permit = self.outbox.reserve(), if !self.pending.is_empty() => {
                if let Ok(permit) = permit {
                    permit.send(std::mem::take(&mut self.pending));
                    self.queued += 1;
                }
            }
            Some(_) = self.workers.join_next() => {}
            () = self.context.decisions.written(self.writing), if self.writing.is_some() => {
                (self.writing, self.rollout_told) = (None, None);
                self.state.on_written();
                return Wake::Due;
            }
        }
        Wake::Event
    }

    /// Looks at what time alone changes, and plans with the workers that the kind may have.
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
        let told = self.breakers_told;
        if told.is_none_or(|at| now.saturating_duration_since(at) >= BREAKERS_INTERVAL) {
            self.breakers_told = Some(now);
            board.put_breakers(&self.kind, self.state.breakers(now));
        }
        self.tell_rollout(now);
    }

    /// Tells how a rollout is, but nothing that was decided and is not written down yet.
    fn tell_rollout(&mut self, now: Instant) {
        if let Some(kept) = self.state.take_record() {
            self.writing = Some(self.context.decisions.put(&self.kind, kept));
        }
        if self.writing.is_some() {
            return;
        }
        let told = self.rollout_told;
        let is_time = told.is_none_or(|at| now.saturating_duration_since(at) >= EVIDENCE_INTERVAL);
        let board = &self.context.board;
        if is_time || board.knows_else(&self.kind, self.state.rollout().summary()) {
            self.rollout_told = Some(now);
            board.put_rollout(&self.kind, self.state.rollout().status());
        }
    }

    /// Passes the events on. Returns whether they may change the plan.
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
                is_due |= self.state.on_deliveries(deliveries, at);
            }
            Some(Fetched::Lost) => self.state.on_lost_connection(),
            None => {}
        }
        is_due
    }

    /// Says, for people, what of control nobody has written down.
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
