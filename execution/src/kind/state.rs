//! What one kind consists of at a moment, and how it changes: no IO, no clock.

mod answer;
mod begin;
mod breaker;
mod go;
mod hold;
mod permit;
mod places;
mod repeat;
mod rollout;
mod shadow;
mod stop;
mod upkeep;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hold::Hold;
pub(super) use hold::{Holding, message as hold_message};
use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use utakata_interconnect::{Event, Tag};
use utakata_model::{
    Class, EnvironmentId, Kind, Outcome, OutcomeStatus, PoolStatus, Problem, RanBy, Stop, Task,
    TaskKey, WorkerId,
};
use utakata_permit::{asks, message::Ask};
use utakata_protocol::v1::to_worker::Message;
use utakata_rollout::{Change, Decision, Recent, RolloutRun, compare::RepeatedRead};

use super::{
    Order,
    outcome::{self, Common},
    permits::Permits,
    pool::{Pool, Worker},
    unrecorded::Unrecorded,
};
use crate::{
    Config, Release,
    config::Backoff,
    manager::plan::{Desired, Phase, Times},
    pool::{
        attempts::Attempts,
        breaker::Rule,
        lanes::{Lanes, Waiting},
        select,
    },
    quota::WorkerQuota,
    worker::{Line, Number},
};

/// Tasks that are fetched while no worker has said hello yet, where none is kept.
const ROOM_TO_WAKE: usize = 16;
/// Tasks that wait, ready, beyond what the workers can take at once: the next is there when a
/// worker has room.
const AHEAD_LEAST: usize = 64;
/// Tasks fetched at once.
const FETCH_MOST: usize = 2048;

/// Names that all kinds of an environment share.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    /// The environment.
    pub(crate) environment: EnvironmentId,
    /// The next number of a worker.
    pub(crate) numbers: Arc<AtomicU64>,
}

/// What is to be done in the world because something has changed.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// Deliveries that are dealt with.
    pub(super) acknowledge: Vec<Tag>,
    /// Deliveries for others.
    pub(super) give_back: Vec<Tag>,
    /// Reads for others, whose deliveries are dealt with.
    pub(super) publish_again: Vec<Task>,
    /// What goes to workers.
    pub(super) sends: Vec<Send>,
    /// Workers that are to come back, by the time that they have.
    pub(super) holds: Vec<Holding>,
    /// Workers to start.
    pub(super) starts: Vec<Start>,
    /// Permits to ask for.
    pub(super) asks: Vec<Ask>,
    /// What was seen; published before the outcomes.
    pub(super) readings: Vec<Event>,
    /// How attempts ended.
    pub(super) outcomes: Vec<Outcome>,
}

/// A message to a worker.
#[derive(Debug)]
pub(super) struct Send {
    pub(super) worker: Number,
    pub(super) line: Line,
    pub(super) message: Message,
}

/// A worker to start.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) number: Number,
    pub(super) worker: WorkerId,
    pub(super) release: Arc<Release>,
    pub(super) kill: CancellationToken,
    pub(super) cut: CancellationToken,
}

/// One kind: what waits, what runs, who runs it.
#[derive(Debug)]
pub(super) struct State {
    kind: Kind,
    names: Names,
    backoff: Backoff,
    times: Times,
    backlog: usize,
    lanes: Lanes,
    /// Codes of problems that say that a target did not answer.
    silences: Vec<String>,
    attempts: Attempts,
    permits: Permits,
    unrecorded: Unrecorded,
    /// Outcomes of control that workers had begun which are out of reach and not seen to be gone.
    unproven: Vec<(Number, Outcome)>,
    /// Control is begun without a permit: for a test that must see doubles.
    without_permits: bool,
    pools: Vec<Pool>,
    /// How many workers all kinds may have together.
    places: WorkerQuota,
    /// The rollout, if there is one.
    way: Option<RolloutRun>,
    /// What an earlier life has left of it.
    kept: Option<Decision>,
    /// What was decided about it, and is to be written down.
    decided: Option<Decision>,
    /// Whether that is not written down yet.
    is_deciding: bool,
    /// How it goes on then.
    next: Option<(RolloutRun, Change)>,
    /// Workers of the stable release when the candidate took over.
    held: u32,
    /// Reads that are repeated, to be compared.
    shadows: HashMap<TaskKey, RepeatedRead, foldhash::fast::RandomState>,
    /// What was served lately.
    recent: Recent,
    /// Whether it ends: nothing new is taken, and nothing will be.
    is_closing: bool,
    /// Whether it is stopped by an order, and how.
    stop: Option<Stop>,
    /// How far it is on its way to another program of this process.
    hold: Hold,
    /// Versions that are to serve and are not here yet.
    coming: BTreeSet<Arc<str>>,
    /// When what runs then is given up.
    give_up_at: Option<Instant>,
    given_up: usize,
    /// How far is looked back at what was needed.
    warm_for: Duration,
    /// Since when a worker of a single task is used, whose successor is to be started.
    used_since: Option<Instant>,
    common: Arc<Common>,
    pub(super) effects: Effects,
}

impl State {
    pub(super) fn new(kind: Kind, names: Names, config: &Config, now: Instant) -> Self {
        let rule = Rule {
            failures: config.breaker.failures,
            first: config.breaker.first,
            most: config.breaker.most,
        };
        Self {
            kind,
            names,
            backoff: config.backoff,
            times: Times {
                hello_within: config.hello_within,
                hung_after: config.hung_after,
                grow_after: config.grow_after,
                idle_after: config.idle_after,
                drain_within: config.drain_within,
            },
            backlog: config.lanes.backlog as usize,
            lanes: Lanes::new(config.lanes, rule, now),
            silences: config.breaker.codes.clone(),
            attempts: Attempts::new(config.grace),
            permits: Permits::new(asks::Times {
                repeat_after: config.permits.again_after,
                void_after: config.permits.void_after,
            }),
            unrecorded: Unrecorded::new(config.unrecorded as usize),
            unproven: Vec::new(),
            without_permits: config.is_without_permits(),
            pools: Vec::new(),
            places: WorkerQuota::default(),
            way: None,
            kept: None,
            decided: None,
            is_deciding: false,
            next: None,
            held: 0,
            shadows: HashMap::default(),
            recent: Recent::default(),
            is_closing: false,
            stop: None,
            hold: Hold::None,
            coming: BTreeSet::new(),
            give_up_at: None,
            given_up: 0,
            warm_for: config.warm_for,
            used_since: None,
            common: Common::new(),
            effects: Effects::default(),
        }
    }

    /// What should be served from now on.
    pub(super) fn on_order(&mut self, order: &Order, now: Instant, clock: Timestamp) {
        for pool in &mut self.pools {
            pool.desired = None;
        }
        for chosen in &order.releases {
            let desired = Desired {
                is_active: chosen.is_active,
                size: chosen.size.clone(),
                least: 0,
                is_brief: false,
            };
            let known = self
                .pools
                .iter_mut()
                .find(|pool| pool.release.id == chosen.release.id);
            let pool = match known {
                Some(pool) => pool,
                None => {
                    self.pools.push(Pool::new(chosen.release.clone()));
                    let last = self.pools.len() - 1;
                    &mut self.pools[last]
                }
            };
            pool.release = chosen.release.clone();
            pool.desired = Some(desired);
            pool.is_stable = chosen.is_active;
            pool.is_kept = chosen.is_kept;
        }
        for pool in &mut self.pools {
            pool.stop = order.stops.get(&pool.release.id.version).copied();
        }
        self.coming.clone_from(&order.coming);
        self.set_way(order.rollout.as_ref(), clock);
        self.assign();
        self.is_closing = order.releases.is_empty();
        self.stop = order.stop;
        self.give_up_at = order.give_up_at;
        self.set_hold(order.hold);
        if self.is_closing {
            self.refuse_waiting(now, clock);
        } else if self.is_held() {
            self.hand_over(now, clock);
        }
        if let Some(at) = order.give_up_at {
            self.times.drain_within = at.saturating_duration_since(now);
        }
    }

    /// Nothing that waits will be begun here: control goes to others, observation ends.
    fn refuse_waiting(&mut self, now: Instant, clock: Timestamp) {
        for waiting in self.lanes.take_if(|_| true) {
            match waiting.tag {
                Some(tag) => self.effects.give_back.push(tag),
                None => {
                    let problem = self.common.stopped.clone();
                    self.end_waiting(waiting, OutcomeStatus::Expired, problem, now, clock);
                }
            }
        }
        self.end_permitted(now, clock);
    }

    /// The connection to the queue is lost: others get what was not acknowledged.
    pub(super) fn on_lost_connection(&mut self) {
        self.lanes.take_if(|waiting| waiting.tag.is_some());
        self.permits.forget_tags();
    }

    /// How many tasks may be fetched now: as many as the workers can take, and a few more for
    /// when they have room. Targets that wait for themselves do not count, up to the limit of
    /// the backlog.
    pub(super) fn room(&self) -> usize {
        if self.takes_nothing() {
            return 0;
        }
        let backlog = self.backlog.saturating_sub(self.lanes.waiting());
        let candidate = self.candidate().filter(|&at| !self.pools[at].is_serving());
        let pools = self.pools.iter().enumerate();
        let serving = pools.filter(|(at, pool)| candidate != Some(*at) && pool.stop.is_none());
        let ready = serving.flat_map(|(_, pool)| &pool.workers);
        let serves = |worker: &&Worker| matches!(worker.phase, Phase::Ready { .. });
        let ready = ready.filter(|worker| serves(worker) && !worker.is_spent());
        let (free, capacity) = ready.fold((0, 0), |(free, capacity), worker| {
            let room = worker.capacity.saturating_sub(worker.running) as usize;
            (free + room, capacity + worker.capacity as usize)
        });
        let most = match capacity {
            0 if self.can_wake() => ROOM_TO_WAKE,
            0 => 0,
            _ => free.saturating_sub(self.permits.len()) + (capacity / 2).max(AHEAD_LEAST),
        };
        most.saturating_sub(self.ready())
            .min(backlog)
            .min(FETCH_MOST)
    }

    /// Whether a worker would be started for a task that comes.
    fn can_wake(&self) -> bool {
        let is_active = |pool: &Pool| pool.is_serving() && pool.stop.is_none();
        // Where no release is active, those for pinned targets are woken.
        let is_any_active = self.pools.iter().any(is_active);
        let sleeps = |pool: &Pool| {
            let keeps_none = |desired: &Desired| match desired.is_active {
                // Without its turn nobody is kept either.
                true => desired.size.min == 0 || pool.short.is_some(),
                false => !is_any_active,
            };
            let is_asleep = pool.desired.as_ref().is_some_and(keeps_none);
            is_asleep && pool.stop.is_none() && !pool.failures.any()
        };
        self.pools.iter().any(sleeps)
    }

    /// Whether something waits for the first worker of all.
    fn waits_for_first(&self) -> bool {
        let is_there = self.pools.iter().any(|pool| !pool.workers.is_empty());
        !is_there && self.lanes.waiting() > 0 && self.can_wake()
    }

    /// Whether anything is to be looked at soon.
    pub(super) fn is_busy(&self) -> bool {
        let is_waiting = self.lanes.waiting() > 0 || !self.permits.is_empty();
        let is_rolling = self.way.as_ref().is_some_and(RolloutRun::is_under_way);
        is_waiting || is_rolling || !self.attempts.is_empty() || !self.unrecorded.is_empty()
    }

    /// When something can go on by time alone.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        let wakes_at = self.lanes.wakes_at();
        wakes_at.into_iter().chain(self.used_since).min()
    }

    /// Whether everything has ended, and what became of control is written down, unless that
    /// is given up.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        let has_ended = self.is_closing && self.pools.iter().all(|pool| pool.workers.is_empty());
        let is_settled = self.permits.is_empty() && self.unrecorded.is_empty();
        has_ended && (is_settled || self.give_up_at.is_some_and(|at| now >= at))
    }

    /// Outcomes of control that nobody has written down.
    pub(super) fn unrecorded(&self) -> &Unrecorded {
        &self.unrecorded
    }

    /// Attempts that were given up at the end.
    pub(super) fn given_up(&self) -> usize {
        self.given_up
    }

    /// How the pools are.
    pub(super) fn status(&self) -> Vec<PoolStatus> {
        let facts: Vec<_> = self.pools.iter().map(Pool::facts).collect();
        let active = select::pool(&facts, None);
        let waiting = self.lanes.waiting() + self.permits.len();
        let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        let status = |(at, pool): (usize, &Pool)| {
            let is_active = active == Some(at);
            let status = pool.status(is_active, if is_active { waiting } else { 0 });
            self.with_short(pool, status)
        };
        self.pools.iter().enumerate().map(status).collect()
    }

    fn find(&mut self, number: Number) -> Option<(&mut Pool, usize)> {
        self.pools.iter_mut().find_map(|pool| {
            let at = pool.workers.iter().position(|w| w.number == number)?;
            Some((pool, at))
        })
    }

    fn worker(&mut self, number: Number) -> Option<&mut Worker> {
        self.find(number).map(|(pool, at)| &mut pool.workers[at])
    }

    /// A worker has failed, unless it was asked to end.
    fn fail(&mut self, number: Number, now: Instant) {
        let backoff = self.backoff;
        if let Some((pool, at)) = self.find(number) {
            pool.fail(at, now, &backoff);
        }
    }

    /// A worker is to be started in a pool.
    fn start(&mut self, at: usize, now: Instant) {
        let Some(pool) = self.pools.get_mut(at) else {
            return;
        };
        let number = self.names.numbers.fetch_add(1, Ordering::Relaxed);
        let Some(worker) = worker_id(&self.kind, number) else {
            return;
        };
        let (kill, cut) = (CancellationToken::new(), CancellationToken::new());
        pool.workers.push(Worker {
            number: Number(number),
            ran_by: RanBy {
                environment: self.names.environment.clone(),
                worker: worker.clone(),
                release: pool.release.id.clone(),
            },
            phase: Phase::Starting { since: now },
            capacity: 0,
            is_single: false,
            begun: 0,
            memory: None,
            running: 0,
            overdue: 0,
            strays: 0,
            ready_since: None,
            line: None,
            can_hold: false,
            trace: None,
            parked: None,
            batch: super::pool::Batch::default(),
            kill: kill.clone(),
            cut: cut.clone(),
            is_expected: false,
            is_counted: false,
            cause: None,
            last_words: None,
            parted: None,
            exited: None,
        });
        self.effects.starts.push(Start {
            number: Number(number),
            worker,
            release: pool.release.clone(),
            kill,
            cut,
        });
    }

    /// A task that waited ends without having been begun. Its delivery is dealt with.
    fn end_waiting(
        &mut self,
        waiting: Waiting,
        status: OutcomeStatus,
        problem: Problem,
        now: Instant,
        clock: Timestamp,
    ) {
        let waited = now.saturating_duration_since(waiting.since);
        self.effects.acknowledge.extend(waiting.tag);
        let outcome = outcome::not_begun(waiting.task, status, problem, waited, clock);
        self.tell(outcome, now);
    }

    /// Counts an outcome of what a worker had.
    fn count(&mut self, outcome: &Outcome) {
        let digest = outcome.ran_by.as_ref().map(|ran_by| &ran_by.release.digest);
        let of = |pool: &&mut Pool| Some(&pool.release.id.digest) == digest;
        if let Some(pool) = self.pools.iter_mut().find(of) {
            pool.ended.count(outcome.status);
        }
    }

    /// Tells an outcome; that of control again and again, until it is recorded.
    fn tell(&mut self, outcome: Outcome, now: Instant) {
        if outcome.class == Class::Control && !self.without_permits {
            self.unrecorded.keep(&outcome, now);
        }
        self.count(&outcome);
        self.note(&outcome, now);
        let (heard, target, clock) = self.heard(&outcome);
        self.effects.outcomes.push(outcome);
        self.hear(&heard, &target, now, clock);
    }
}

/// The name of a worker: the kind, as far as it fits, and a number.
fn worker_id(kind: &Kind, number: u64) -> Option<WorkerId> {
    let room = utakata_model::id::NAME_MAX - 21;
    let kind = kind.as_str();
    WorkerId::new(format!("{}-{number}", kind.get(..room).unwrap_or(kind))).ok()
}

#[cfg(test)]
mod tests;
