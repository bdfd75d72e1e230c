//! From what is desired and what is observed of the pools of one kind to what is to be done.
//!
//! ```text
//!            hello                 drain                 exit
//! starting ────────► ready ──────────────► draining ────────► (gone)
//!    │ no hello        │ hung, overdue        │ too long        ▲
//!    └─────────────────┴──────────────────────┴──► ending ──────┘
//! ```

use std::{cmp::Reverse, time::Duration};

use tokio::time::Instant;
use utakata_model::manifest::{Lifetime, PoolSize, Recycle};

use super::{
    demand,
    failures::Failures,
    places::{Allowed, Need, Turn},
};
use crate::worker::Number;

/// Attempts without an answer after which a worker counts as hung.
const OVERDUE_MOST: u32 = 3;
/// How long a worker has to be gone after its stream has ended, or after it was killed.
const GONE_WITHIN: Duration = Duration::from_secs(2);
/// What was busy until just now is no idle worker that yields to others.
const BUSY_WITHIN: Duration = Duration::from_secs(1);
/// No worker is replaced for its memory sooner: a limit that is too small makes no storm.
const MEMORY_AFTER: Duration = Duration::from_secs(30);

/// One pool of a kind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pool {
    /// What is desired of it; `None` when its release is gone or was replaced.
    pub(crate) desired: Option<Desired>,
    /// Whether its workers are to end as soon as they have nothing to do, and none is started.
    pub(crate) is_stopped: bool,
    /// Its workers.
    pub(crate) workers: Vec<Worker>,
    /// How long the first in turn has been waiting for one of its workers.
    pub(crate) wait: Option<Duration>,
    /// Tasks that could begin if there were room.
    pub(crate) queued: u64,
    /// As many workers as it needed at once lately.
    pub(crate) warm: u32,
    /// Deaths of its workers.
    pub(crate) failures: Failures,
    /// What it may have of the workers of the environment; `None`: as many as it wants.
    pub(crate) allowed: Option<Allowed>,
}

/// What is desired of a pool.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Desired {
    /// Whether tasks without a pin go to it.
    pub(crate) is_active: bool,
    /// How many workers.
    pub(crate) size: PoolSize,
    /// Workers that it has in any case, as far as it may have so many: a rollout needs them.
    pub(crate) least: u32,
    /// Whether workers that have nothing to do are let go at once.
    pub(crate) is_brief: bool,
}

/// One worker as it is seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Worker {
    /// Which.
    pub(crate) number: Number,
    /// Where it stands.
    pub(crate) phase: Phase,
    /// Attempts that it has.
    pub(crate) running: u32,
    /// Of these, those it should have answered long ago.
    pub(crate) overdue: u32,
    /// Attempts that it takes at once.
    pub(crate) capacity: u32,
    /// Tasks that it was given.
    pub(crate) begun: u64,
    /// Whether it was there for one task, and has had it.
    pub(crate) is_spent: bool,
    /// Since when it takes tasks.
    pub(crate) ready_since: Option<Instant>,
    /// How much memory it has, in bytes, where that is known.
    pub(crate) memory: Option<u64>,
}

/// Where a worker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It was started and has not said hello.
    Starting {
        /// When.
        since: Instant,
    },
    /// It takes tasks.
    Ready {
        /// When it was last heard of.
        heard: Instant,
        /// When it last had something to do.
        busy: Instant,
    },
    /// It ends what it has.
    Draining {
        /// By when.
        until: Instant,
        /// When it was last heard of.
        heard: Instant,
    },
    /// Its stream has ended or it was killed: it should be gone soon.
    Ending {
        /// Since when.
        since: Instant,
    },
}

/// Times that decide.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) hello_within: Duration,
    pub(crate) hung_after: Duration,
    pub(crate) grow_after: Duration,
    pub(crate) idle_after: Duration,
    pub(crate) drain_within: Duration,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Start a worker of the pool at this place.
    Start {
        /// The place of the pool.
        pool: usize,
    },
    /// Tell a worker to end what it has, and give it nothing more.
    Drain {
        /// Which.
        worker: Number,
        /// By when.
        within: Duration,
    },
    /// End a worker now.
    Kill {
        /// Which.
        worker: Number,
        /// Why.
        why: Why,
    },
    /// Forget the pool at this place: nothing is left of it.
    Close {
        /// The place of the pool.
        pool: usize,
    },
}

/// Why a worker is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// It did not say hello in time.
    NoHello,
    /// It was not heard of.
    Silent,
    /// It does not answer attempts.
    Overdue,
    /// It did not end what it had in time.
    DrainedTooLong,
    /// It is not needed, and has not even said hello.
    NotNeeded,
    /// Its stream has ended, but not the worker.
    Left,
}

impl Why {
    /// Whether it was the worker's fault.
    pub(crate) fn is_failure(self) -> bool {
        matches!(self, Self::NoHello | Self::Silent | Self::Overdue)
    }
}

impl Worker {
    /// Whether it counts among those that serve, or will.
    fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Starting { .. } | Phase::Ready { .. })
    }

    fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready { .. })
    }

    fn is_starting(&self) -> bool {
        matches!(self.phase, Phase::Starting { .. })
    }

    /// Whether it has done what it was there for.
    fn is_done(&self) -> bool {
        self.is_spent && self.is_ready() && self.running == 0
    }

    /// Whether a fresh one is to take its place.
    fn is_due(&self, recycle: &Recycle, now: Instant) -> bool {
        let lived = |since| now.saturating_duration_since(since);
        let lived = self.ready_since.map(lived).unwrap_or_default();
        let by_tasks = recycle.tasks.is_some_and(|most| self.begun >= most.get());
        let by_age = recycle.age.is_some_and(|most| lived >= most);
        let is_large = recycle.memory.zip(self.memory);
        let by_memory = is_large.is_some_and(|(most, memory)| memory > most.bytes());
        let is_due = by_tasks || by_age || (by_memory && lived >= MEMORY_AFTER);
        is_due && self.is_ready() && self.overdue == 0 && !self.is_spent
    }

    /// What is wrong with it, so that it must go.
    fn wrong(&self, times: &Times, now: Instant) -> Option<Why> {
        let passed = |since: Instant| now.saturating_duration_since(since);
        match self.phase {
            Phase::Starting { since } => {
                (passed(since) >= times.hello_within).then_some(Why::NoHello)
            }
            Phase::Ready { heard, .. } | Phase::Draining { heard, .. }
                if passed(heard) >= times.hung_after =>
            {
                Some(Why::Silent)
            }
            Phase::Ready { .. } => (self.overdue >= OVERDUE_MOST).then_some(Why::Overdue),
            Phase::Draining { until, .. } => (now >= until).then_some(Why::DrainedTooLong),
            Phase::Ending { since } => (passed(since) >= GONE_WITHIN).then_some(Why::Left),
        }
    }
}

impl Pool {
    /// How many workers it needs now: for what they have, and for what is queued once that has
    /// waited as long as a pool takes to grow.
    pub(crate) fn demand(&self, times: &Times) -> u32 {
        let is_held_up = self.wait.is_some_and(|wait| wait >= times.grow_after);
        let queued = if is_held_up { self.queued } else { 0 };
        match load(self.workers.iter()) {
            (running, Some(capacity)) => demand::needed(running, queued, capacity),
            // How much one takes is not known yet.
            (_, None) => u32::from(queued > 0),
        }
    }

    /// How many workers it may have.
    fn share(&self) -> u32 {
        self.allowed.map_or(u32::MAX, |allowed| allowed.share)
    }

    /// How many it could do with, where not everybody can have as many as it wants.
    pub(crate) fn need(&self, turn: Turn, times: &Times, now: Instant) -> Need {
        let is_well = |worker: &&Worker| worker.wrong(times, now).is_none();
        let well: Vec<&Worker> = self.workers.iter().filter(is_well).collect();
        let live = count(well.iter().filter(|w| w.is_live() && !w.is_done()));
        let need = |least: u32, busy: u32, wanted: u32| Need {
            least,
            busy,
            wanted,
            live,
            turn: turn.after(live, busy.max(least), now),
            is_control: false,
            is_tried: false,
        };
        let Some(desired) = self.desired.as_ref().filter(|_| !self.is_stopped) else {
            // What was replaced goes on, with what it has, until others have taken over.
            let keeps = if self.is_stopped { 0 } else { live };
            return need(0, keeps, keeps);
        };
        let starting = count(well.iter().filter(|worker| worker.is_starting()));
        let (running, capacity) = load(well.iter().copied());
        let waiting = self.wait.map_or(0, |_| self.queued.max(1));
        let busy = demand::needed(running, waiting, capacity.unwrap_or(1));
        let was_busy = well.iter().any(|worker| match worker.phase {
            Phase::Ready { busy, .. } => now.saturating_duration_since(busy) < BUSY_WITHIN,
            _ => false,
        });
        let busy = busy.max(u32::from(was_busy));
        let min = if desired.is_active {
            desired.size.min
        } else {
            0
        };
        let is_due = |worker: &&Worker| worker.is_due(&desired.size.recycle, now);
        let successor = u32::from(well.iter().any(is_due));
        let wanted = needed(self, desired, &well, live, starting, times) + successor;
        // What only waits for its next start leaves its place to others meanwhile.
        let most = match self.failures.allow(now) && !fails(self, times, now) {
            true => desired.size.max.saturating_add(successor),
            false => live,
        };
        let [least, busy] = [min.max(desired.least), busy].map(|count| count.min(most));
        need(
            least,
            busy,
            wanted.max(least).max(busy).max(live).min(most.max(live)),
        )
    }
}

/// What is to be done about the pools of one kind. Doing it, and planning again at the same
/// time, gives nothing more to do.
pub(crate) fn plan(pools: &[Pool], times: &Times, now: Instant) -> Vec<Action> {
    let is_active = |pool: &&Pool| pool.desired.as_ref().is_some_and(|d| d.is_active);
    let active = pools.iter().find(is_active);
    // A release that was replaced goes on until its successor has as many workers, or as many
    // as it may have.
    let is_replaced = |pool: &&Pool| pool.desired.is_none() && !pool.is_stopped;
    let replaced = pools.iter().filter(is_replaced);
    let ready = |workers: &mut dyn Iterator<Item = &Worker>| -> u32 {
        let serves = |worker: &&Worker| worker.is_ready() && worker.wrong(times, now).is_none();
        u32::try_from(workers.filter(serves).count()).unwrap_or(u32::MAX)
    };
    let replaced = ready(&mut replaced.flat_map(|pool| &pool.workers));
    let is_taken_over = active.is_none_or(|pool| {
        if pool.is_stopped {
            return true;
        }
        let most = pool.desired.as_ref().map_or(0, |desired| desired.size.max);
        let most = most.min(pool.share());
        ready(&mut pool.workers.iter()) >= replaced.min(most).max(1)
    });
    let mut actions = Vec::new();
    for (at, pool) in pools.iter().enumerate() {
        let kills = pool.workers.iter().filter_map(|worker| {
            let why = worker.wrong(times, now)?;
            Some(Action::Kill {
                worker: worker.number,
                why,
            })
        });
        actions.extend(kills);
        let well: Vec<&Worker> = pool
            .workers
            .iter()
            .filter(|worker| worker.wrong(times, now).is_none())
            .collect();
        match &pool.desired {
            None if pool.workers.is_empty() => actions.push(Action::Close { pool: at }),
            _ if pool.is_stopped => {
                let is_free = |w: &&&Worker| w.running == 0 || w.overdue > 0;
                let free = well.iter().filter(is_free);
                actions.extend(free.filter_map(|worker| let_go(worker, times)));
            }
            Some(desired) => {
                let least = if desired.is_active && !is_taken_over {
                    desired.least.max(replaced)
                } else {
                    desired.least
                };
                let desired = Desired {
                    least,
                    ..desired.clone()
                };
                size(at, pool, &desired, &well, times, now, &mut actions);
            }
            None if is_taken_over => {
                actions.extend(well.iter().filter_map(|worker| let_go(worker, times)));
            }
            None => yield_to_others(pool, &well, times, now, &mut actions),
        }
    }
    actions
}

/// Lets those go that are more than the pool may have, as others wait: first whoever has served
/// its time, as its successor is here, then who has the least to do, be it idle or not.
fn yield_to_others(
    pool: &Pool,
    well: &[&Worker],
    times: &Times,
    now: Instant,
    actions: &mut Vec<Action>,
) {
    let recycle = pool.desired.as_ref().map(|desired| desired.size.recycle);
    let is_due = |worker: &Worker| recycle.is_some_and(|recycle| worker.is_due(&recycle, now));
    let is_live = |w: &&&Worker| w.is_live();
    let mut live: Vec<&Worker> = well.iter().filter(is_live).copied().collect();
    let too_many = live.len().saturating_sub(pool.share() as usize);
    live.sort_by_key(|worker| (!is_due(worker), worker.running, Reverse(worker.number)));
    let going = live.into_iter().take(too_many);
    actions.extend(going.filter_map(|worker| let_go(worker, times)));
}

/// Starts what is missing, lets go what is too much, and what has served its time.
fn size(
    at: usize,
    pool: &Pool,
    desired: &Desired,
    well: &[&Worker],
    times: &Times,
    now: Instant,
    actions: &mut Vec<Action>,
) {
    let live = count(well.iter().filter(|w| w.is_live() && !w.is_done()));
    let starting = count(well.iter().filter(|worker| worker.is_starting()));
    let needed = needed(pool, desired, well, live, starting, times);
    // Where there is no place for a successor, the one that is due makes it.
    let is_any_due = well.iter().any(|w| w.is_due(&desired.size.recycle, now));
    let share = pool.share();
    let needed = needed.min(share.saturating_sub(u32::from(is_any_due)));
    let due = due(desired, well, needed, now);
    // The successor of one that is due is there before that one goes.
    let wanted = needed.saturating_add(due.count.min(1)).min(share);
    // The successor of one that is about to be killed waits as long as its failure makes it.
    let is_failing = fails(pool, times, now);
    if live < wanted && !is_failing && pool.failures.allow(now) {
        // After a death one at a time: they will most likely die as well.
        let most = if pool.failures.any() {
            1u32.saturating_sub(starting)
        } else {
            wanted - live
        };
        let most = most.min(pool.allowed.map_or(u32::MAX, |allowed| allowed.starts));
        actions.extend((0..most).map(|_| Action::Start { pool: at }));
    }
    // One worker that should have answered and did not: it gets nothing more, and is replaced.
    let stuck = |w: &&&Worker| w.is_ready() && (w.overdue > 0 || w.is_done());
    let gone = well.iter().filter(stuck);
    actions.extend(gone.filter_map(|worker| let_go(worker, times)));
    if live > share {
        let others: Vec<&Worker> = well.iter().filter(|w| !stuck(w)).copied().collect();
        return yield_to_others(pool, &others, times, now, actions);
    }
    actions.extend(due.next.and_then(|worker| let_go(worker, times)));
    // Nobody is let go while somebody waits, but for those that are more than there may be.
    let most = desired.size.max.saturating_add(due.count.min(1));
    if live > wanted && (pool.wait.is_none() || live > most) {
        let is_next = |worker: &Worker| due.next.is_some_and(|next| next.number == worker.number);
        let idle = well.iter().filter(|w| {
            let is_of_no_use = desired.is_brief && w.running == 0 && w.is_live();
            let may_go = w.overdue == 0 && !w.is_done() && !is_next(w);
            may_go && (is_idle(w, times, now) || is_of_no_use)
        });
        let too_many = (live - wanted) as usize;
        actions.extend(
            idle.rev()
                .take(too_many)
                .filter_map(|worker| let_go(worker, times)),
        );
    }
}

/// Workers that have served their time.
struct Due<'w> {
    count: u32,
    /// The one that goes now.
    next: Option<&'w Worker>,
}

/// Of those that have served their time, the oldest goes when the others are enough and no
/// other one is on its way out: never all at once.
fn due<'w>(desired: &Desired, well: &[&'w Worker], needed: u32, now: Instant) -> Due<'w> {
    let due: Vec<&Worker> = well
        .iter()
        .copied()
        .filter(|worker| worker.is_due(&desired.size.recycle, now))
        .collect();
    let ready = count(well.iter().filter(|w| w.is_ready() && !w.is_done()));
    let is_ending = well
        .iter()
        .any(|worker| matches!(worker.phase, Phase::Draining { .. }) || worker.is_done());
    let may_go = ready > needed && !is_ending;
    Due {
        count: u32::try_from(due.len()).unwrap_or(u32::MAX),
        next: due
            .into_iter()
            .min_by_key(|worker| worker.ready_since)
            .filter(|_| may_go),
    }
}

/// Whether one of the workers is to be killed for a fault of its own.
fn fails(pool: &Pool, times: &Times, now: Instant) -> bool {
    let mut whys = pool
        .workers
        .iter()
        .filter_map(|worker| worker.wrong(times, now));
    whys.any(Why::is_failure)
}

/// How many workers there should be now.
fn needed(
    pool: &Pool,
    desired: &Desired,
    well: &[&Worker],
    live: u32,
    starting: u32,
    times: &Times,
) -> u32 {
    let (running, capacity) = load(well.iter().copied());
    // Where each task has a worker of its own, those that wait need one each.
    let queued = match desired.size.lifetime {
        Lifetime::Task => pool.queued,
        Lifetime::Pool => 0,
    };
    let busy = demand::needed(running, queued, capacity.unwrap_or(1));
    // Whoever waits has found no room: one more, or the first.
    let is_full = pool
        .wait
        .is_some_and(|wait| live == 0 || (starting == 0 && wait >= times.grow_after));
    let grown = if is_full { live + 1 } else { 0 };
    let (min, reserve, warm) = if desired.is_active {
        (desired.size.min, desired.size.reserve, pool.warm)
    } else {
        (0, 0, 0)
    };
    busy.saturating_add(reserve)
        .max(min)
        .max(warm)
        .max(desired.least)
        .max(grown)
        .min(desired.size.max)
}

/// What workers have, and how much of it the largest of them takes, if there is one.
fn load<'w>(workers: impl Iterator<Item = &'w Worker>) -> (u64, Option<u32>) {
    let ready = workers.filter(|worker| worker.is_ready());
    ready.fold((0, None), |(running, capacity), worker| {
        let capacity = capacity.max(Some(worker.capacity));
        (running + u64::from(worker.running), capacity)
    })
}

fn is_idle(worker: &Worker, times: &Times, now: Instant) -> bool {
    match worker.phase {
        Phase::Ready { busy, .. } => {
            worker.running == 0 && now.saturating_duration_since(busy) >= times.idle_after
        }
        _ => false,
    }
}

/// The polite end of a worker.
fn let_go(worker: &Worker, times: &Times) -> Option<Action> {
    match worker.phase {
        Phase::Starting { .. } => Some(Action::Kill {
            worker: worker.number,
            why: Why::NotNeeded,
        }),
        Phase::Ready { .. } => Some(Action::Drain {
            worker: worker.number,
            within: times.drain_within,
        }),
        Phase::Draining { .. } | Phase::Ending { .. } => None,
    }
}

fn count<'a>(workers: impl Iterator<Item = &'a &'a Worker>) -> u32 {
    u32::try_from(workers.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
