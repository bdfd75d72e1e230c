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

use super::{demand, failures::Failures};
use crate::{
    quota::{Allowed, Need, Turn},
    worker::Number,
};

/// Attempts without an answer after which a worker counts as hung.
const MAX_OVERDUE: u32 = 3;
/// The time that a worker has to be gone after its stream has ended, or after it was killed.
const EXIT_TIMEOUT: Duration = Duration::from_secs(2);
/// A worker that was busy until just now is not idle, and yields to nobody.
const IDLE_AFTER: Duration = Duration::from_secs(1);
/// No worker is replaced for its memory sooner: a limit that is too small makes no storm.
const MEMORY_AFTER: Duration = Duration::from_secs(30);

/// One pool of a kind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ObservedPool {
    /// Its desired state; `None` when its release is gone or was replaced.
    pub(crate) desired: Option<Desired>,
    /// Its workers are to end as soon as they have nothing to do, and none is started.
    pub(crate) is_stopped: bool,
    pub(crate) workers: Vec<ObservedWorker>,
    /// The time that the first in turn has been waiting for one of its workers.
    pub(crate) wait: Option<Duration>,
    /// Tasks that could begin if there were room.
    pub(crate) queued: u64,
    /// As many workers as it needed at once lately.
    pub(crate) warm: u32,
    /// The deaths of its workers.
    pub(crate) failures: Failures,
    /// Its share of the workers of the environment; `None`: as many as it wants.
    pub(crate) allowed: Option<Allowed>,
}

/// The desired state of a pool.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Desired {
    /// Tasks without a pin go to it.
    pub(crate) is_active: bool,
    pub(crate) size: PoolSize,
    /// Workers that it has in any case, as far as it may have so many: a rollout needs them.
    pub(crate) least: u32,
    /// Workers that have nothing to do are let go at once.
    pub(crate) is_brief: bool,
}

/// One worker as it is seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ObservedWorker {
    pub(crate) number: Number,
    pub(crate) phase: Phase,
    /// The number of attempts that it runs.
    pub(crate) running: u32,
    /// Of these, those it should have answered long ago.
    pub(crate) overdue: u32,
    /// Attempts that it takes at once.
    pub(crate) capacity: u32,
    /// The number of tasks that it was given.
    pub(crate) begun: u64,
    /// There for one task, which it has had.
    pub(crate) is_spent: bool,
    /// The moment since which it takes tasks.
    pub(crate) ready_since: Option<Instant>,
    /// Its memory in bytes, where that is known.
    pub(crate) memory: Option<u64>,
}

/// The phase of a worker's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It was started and has not said hello.
    Starting { since: Instant },
    /// It takes tasks.
    Ready {
        /// The moment at which it was last heard of.
        heard: Instant,
        /// The moment at which it last had something to do.
        busy: Instant,
    },
    /// It finishes its tasks and takes no new ones.
    Draining {
        until: Instant,
        /// The moment at which it was last heard of.
        heard: Instant,
    },
    /// Its stream has ended or it was killed: it should be gone soon.
    Ending { since: Instant },
}

/// The times that decide.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) hello_within: Duration,
    pub(crate) hung_after: Duration,
    pub(crate) grow_after: Duration,
    pub(crate) idle_after: Duration,
    pub(crate) drain_within: Duration,
}

/// A step that brings what is observed nearer to what is desired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Start a worker of the pool at this place.
    Start {
        /// The index of the pool.
        pool: usize,
    },
    /// Tell a worker to end what it has, and give it nothing more.
    Drain { worker: Number, within: Duration },
    /// End a worker now.
    Kill { worker: Number, why: Why },
    /// Forget the pool at this place: nothing is left of it.
    Close {
        /// The index of the pool.
        pool: usize,
    },
}

/// The reason for which a worker is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// It did not say hello in time.
    NoHello,
    /// It sent no heartbeat.
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
    /// Returns whether it was the worker's fault.
    pub(crate) fn is_failure(self) -> bool {
        matches!(self, Self::NoHello | Self::Silent | Self::Overdue)
    }
}

impl ObservedWorker {
    /// Returns whether it counts among those that serve, or will.
    fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Starting { .. } | Phase::Ready { .. })
    }

    fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready { .. })
    }

    fn is_starting(&self) -> bool {
        matches!(self.phase, Phase::Starting { .. })
    }

    /// Returns whether it has done what it was there for.
    fn is_done(&self) -> bool {
        self.is_spent && self.is_ready() && self.running == 0
    }

    /// Returns whether a fresh one is to take its place.
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

    /// Returns the fault for which it must go.
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
            Phase::Ready { .. } => (self.overdue >= MAX_OVERDUE).then_some(Why::Overdue),
            Phase::Draining { until, .. } => (now >= until).then_some(Why::DrainedTooLong),
            Phase::Ending { since } => (passed(since) >= EXIT_TIMEOUT).then_some(Why::Left),
        }
    }
}

impl ObservedPool {
    /// Returns the number of workers that it needs now: for running tasks, and for queued ones
    /// once the first has waited as long as a pool takes to grow.
    pub(crate) fn demand(&self, times: &Times) -> u32 {
        let is_held_up = self.wait.is_some_and(|wait| wait >= times.grow_after);
        let queued = if is_held_up { self.queued } else { 0 };
        match load(self.workers.iter()) {
            (running, Some(capacity)) => demand::needed(running, queued, capacity),
            // How much one takes is not known yet.
            (_, None) => u32::from(queued > 0),
        }
    }

    /// Returns the number of workers that it may have.
    fn share(&self) -> u32 {
        self.allowed.map_or(u32::MAX, |allowed| allowed.share)
    }

    /// Returns its need, where not everybody can have as many as it wants.
    pub(crate) fn need(&self, turn: Turn, times: &Times, now: Instant) -> Need {
        let is_well = |worker: &&ObservedWorker| worker.wrong(times, now).is_none();
        let well: Vec<&ObservedWorker> = self.workers.iter().filter(is_well).collect();
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
            Phase::Ready { busy, .. } => now.saturating_duration_since(busy) < IDLE_AFTER,
            _ => false,
        });
        let busy = busy.max(u32::from(was_busy));
        let min = if desired.is_active {
            desired.size.min
        } else {
            0
        };
        let is_due = |worker: &&ObservedWorker| worker.is_due(&desired.size.recycle, now);
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

/// Plans the workers of the pools of one kind. Doing that, and planning again at the same
/// time, gives nothing more to do.
pub(crate) fn plan(pools: &[ObservedPool], times: &Times, now: Instant) -> Vec<Action> {
    let is_active = |pool: &&ObservedPool| pool.desired.as_ref().is_some_and(|d| d.is_active);
    let active = pools.iter().find(is_active);
    // A release that was replaced goes on until its successor has as many workers, or as many
    // as it may have.
    let is_replaced = |pool: &&ObservedPool| pool.desired.is_none() && !pool.is_stopped;
    let replaced = pools.iter().filter(is_replaced);
    let ready = |workers: &mut dyn Iterator<Item = &ObservedWorker>| -> u32 {
        let serves =
            |worker: &&ObservedWorker| worker.is_ready() && worker.wrong(times, now).is_none();
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
        let well: Vec<&ObservedWorker> = pool
            .workers
            .iter()
            .filter(|worker| worker.wrong(times, now).is_none())
            .collect();
        match &pool.desired {
            None if pool.workers.is_empty() => actions.push(Action::Close { pool: at }),
            _ if pool.is_stopped => {
                let is_free = |w: &&&ObservedWorker| w.running == 0 || w.overdue > 0;
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
    pool: &ObservedPool,
    well: &[&ObservedWorker],
    times: &Times,
    now: Instant,
    actions: &mut Vec<Action>,
) {
    let recycle = pool.desired.as_ref().map(|desired| desired.size.recycle);
    let is_due =
        |worker: &ObservedWorker| recycle.is_some_and(|recycle| worker.is_due(&recycle, now));
    let is_live = |w: &&&ObservedWorker| w.is_live();
    let mut live: Vec<&ObservedWorker> = well.iter().filter(is_live).copied().collect();
    let too_many = live.len().saturating_sub(pool.share() as usize);
    live.sort_by_key(|worker| (!is_due(worker), worker.running, Reverse(worker.number)));
    let going = live.into_iter().take(too_many);
    actions.extend(going.filter_map(|worker| let_go(worker, times)));
}

/// Starts what is missing, lets go what is too much, and what has served its time.
fn size(
    at: usize,
    pool: &ObservedPool,
    desired: &Desired,
    well: &[&ObservedWorker],
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
    let stuck = |w: &&&ObservedWorker| w.is_ready() && (w.overdue > 0 || w.is_done());
    let gone = well.iter().filter(stuck);
    actions.extend(gone.filter_map(|worker| let_go(worker, times)));
    if live > share {
        let others: Vec<&ObservedWorker> = well.iter().filter(|w| !stuck(w)).copied().collect();
        return yield_to_others(pool, &others, times, now, actions);
    }
    actions.extend(due.next.and_then(|worker| let_go(worker, times)));
    // Nobody is let go while somebody waits, but for those that are more than there may be.
    let most = desired.size.max.saturating_add(due.count.min(1));
    if live > wanted && (pool.wait.is_none() || live > most) {
        let is_next =
            |worker: &ObservedWorker| due.next.is_some_and(|next| next.number == worker.number);
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
    next: Option<&'w ObservedWorker>,
}

/// Of those that have served their time, the oldest goes when the others are enough and no
/// other one is on its way out: never all at once.
fn due<'w>(desired: &Desired, well: &[&'w ObservedWorker], needed: u32, now: Instant) -> Due<'w> {
    let due: Vec<&ObservedWorker> = well
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

/// Returns whether one of the workers is to be killed for a fault of its own.
fn fails(pool: &ObservedPool, times: &Times, now: Instant) -> bool {
    let mut whys = pool
        .workers
        .iter()
        .filter_map(|worker| worker.wrong(times, now));
    whys.any(Why::is_failure)
}

/// Returns the number of workers that there should be now.
fn needed(
    pool: &ObservedPool,
    desired: &Desired,
    well: &[&ObservedWorker],
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

/// Returns the tasks that workers have, and the capacity of the largest of them, if there is one.
fn load<'w>(workers: impl Iterator<Item = &'w ObservedWorker>) -> (u64, Option<u32>) {
    let ready = workers.filter(|worker| worker.is_ready());
    ready.fold((0, None), |(running, capacity), worker| {
        let capacity = capacity.max(Some(worker.capacity));
        (running + u64::from(worker.running), capacity)
    })
}

fn is_idle(worker: &ObservedWorker, times: &Times, now: Instant) -> bool {
    match worker.phase {
        Phase::Ready { busy, .. } => {
            worker.running == 0 && now.saturating_duration_since(busy) >= times.idle_after
        }
        _ => false,
    }
}

/// The polite end of a worker.
fn let_go(worker: &ObservedWorker, times: &Times) -> Option<Action> {
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

fn count<'a>(workers: impl Iterator<Item = &'a &'a ObservedWorker>) -> u32 {
    u32::try_from(workers.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
