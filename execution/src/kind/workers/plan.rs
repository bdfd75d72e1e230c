//! The plan of a kind's pools: from their desired and observed state to the next actions.
//!
//! ```text
//!            hello                 drain                 exit
//! starting ────────► ready ──────────────► draining ────────► (gone)
//!    │ no hello        │ hung, overdue        │ too long        ▲
//!    └─────────────────┴──────────────────────┴──► ending ──────┘
//! ```

mod observed;

use std::{cmp::Reverse, time::Duration};

use tokio::time::Instant;
use utakata_model::manifest::Lifetime;

pub(crate) use self::observed::{Desired, ObservedPool, ObservedWorker, Phase, Times, Why};
use super::demand;
use crate::{
    quota::{Need, Turn},
    worker::Number,
};

/// The time after which a worker counts as idle, and may yield to others.
const IDLE_AFTER: Duration = Duration::from_secs(1);

/// A step that brings the observed state nearer to the desired one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Start a worker of the pool at this index.
    Start {
        /// The index of the pool.
        pool: usize,
    },
    /// Tell a worker to finish its tasks, and give it no new ones.
    Drain { worker: Number, within: Duration },
    /// End a worker now.
    Kill { worker: Number, why: Why },
    /// Forget the pool at this index: nothing is left of it.
    Close {
        /// The index of the pool.
        pool: usize,
    },
}

impl ObservedPool {
    /// Returns the number of workers that it needs now: for running tasks, and for queued ones once
    /// the first has waited as long as a pool takes to grow.
    pub(crate) fn demand(&self, times: &Times) -> u32 {
        let is_held_up = self.wait.is_some_and(|wait| wait >= times.grow_after);
        let queued = if is_held_up { self.queued } else { 0 };
        match load(self.workers.iter()) {
            (running, Some(capacity)) => demand::needed(running, queued, capacity),
            // The capacity of a worker is not known yet.
            (_, None) => u32::from(queued > 0),
        }
    }

    /// Returns the number of workers that it may have.
    fn share(&self) -> u32 {
        self.allowed.map_or(u32::MAX, |allowed| allowed.share)
    }

    /// Returns its need, for the division when not everybody can have as many as it wants.
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
            // A release that was replaced continues with its workers until others have taken over.
            let keeps = if self.is_stopped { 0 } else { live };
            return need(0, keeps, keeps);
        };
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
        let wanted = needed(self, desired, &well, times) + successor;
        // A pool that only waits for its next start leaves its slot to others meanwhile.
        let max = match self.failures.allow(now) && !fails(self, times, now) {
            true => desired.size.max.saturating_add(successor),
            false => live,
        };
        let [least, busy] = [min.max(desired.least), busy].map(|count| count.min(max));
        need(
            least,
            busy,
            wanted.max(least).max(busy).max(live).min(max.max(live)),
        )
    }
}

/// Plans the workers of the pools of one kind. After carrying out the plan, planning again at the
/// same time yields nothing more to do.
pub(crate) fn plan(pools: &[ObservedPool], times: &Times, now: Instant) -> Vec<Action> {
    let is_active = |pool: &&ObservedPool| pool.desired.as_ref().is_some_and(|d| d.is_active);
    let active = pools.iter().find(is_active);
    // A release that was replaced continues until its successor has as many workers, or as many as
    // it may have.
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
        let max = pool.desired.as_ref().map_or(0, |desired| desired.size.max);
        let max = max.min(pool.share());
        ready(&mut pool.workers.iter()) >= replaced.min(max).max(1)
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

/// Lets workers go that exceed the share of the pool while others wait: first those at the end of
/// their lifetime, since their successors are here, then the least loaded, idle or not.
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

/// Starts missing workers, and lets superfluous and used ones go.
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
    let needed = needed(pool, desired, well, times);
    // If there is no slot for a successor, the worker that is due makes room.
    let is_any_due = well.iter().any(|w| w.is_due(&desired.size.recycle, now));
    let share = pool.share();
    let needed = needed.min(share.saturating_sub(u32::from(is_any_due)));
    let due = due(desired, well, needed, now);
    // The successor of one that is due is there before that one goes.
    let wanted = needed.saturating_add(due.count.min(1)).min(share);
    // The successor of one that is about to be killed waits as long as its failure requires.
    let is_failing = fails(pool, times, now);
    if live < wanted && !is_failing && pool.failures.allow(now) {
        // After a death one at a time: they will most likely die as well.
        let max = if pool.failures.any() {
            1u32.saturating_sub(starting)
        } else {
            wanted - live
        };
        let max = max.min(pool.allowed.map_or(u32::MAX, |allowed| allowed.starts));
        actions.extend((0..max).map(|_| Action::Start { pool: at }));
    }
    // A single worker that should have answered and did not: it gets no new tasks, and is replaced.
    let stuck = |w: &&&ObservedWorker| w.is_ready() && (w.overdue > 0 || w.is_done());
    let gone = well.iter().filter(stuck);
    actions.extend(gone.filter_map(|worker| let_go(worker, times)));
    if live > share {
        let others: Vec<&ObservedWorker> = well.iter().filter(|w| !stuck(w)).copied().collect();
        return yield_to_others(pool, &others, times, now, actions);
    }
    actions.extend(due.next.and_then(|worker| let_go(worker, times)));
    // Nobody is let go while somebody waits, except for workers beyond the limit.
    let max = desired.size.max.saturating_add(due.count.min(1));
    if live > wanted && (pool.wait.is_none() || live > max) {
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

/// Workers at the end of their lifetime.
struct Due<'w> {
    count: u32,
    /// The one that goes now.
    next: Option<&'w ObservedWorker>,
}

/// Of the workers at the end of their lifetime, the oldest goes when the others suffice and no
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

/// Returns true if one of the workers is to be killed for a fault of its own.
fn fails(pool: &ObservedPool, times: &Times, now: Instant) -> bool {
    let mut whys = pool
        .workers
        .iter()
        .filter_map(|worker| worker.wrong(times, now));
    whys.any(Why::is_failure)
}

/// Returns the number of workers that there should be now.
fn needed(pool: &ObservedPool, desired: &Desired, well: &[&ObservedWorker], times: &Times) -> u32 {
    let live = count(well.iter().filter(|w| w.is_live() && !w.is_done()));
    let is_starting = well.iter().any(|worker| worker.is_starting());
    let (running, capacity) = load(well.iter().copied());
    // If each task has a worker of its own, waiting tasks need one each.
    let queued = match desired.size.lifetime {
        Lifetime::Task => pool.queued,
        Lifetime::Pool => 0,
    };
    let busy = demand::needed(running, queued, capacity.unwrap_or(1));
    // A waiting task has found no room: one more worker, or the first.
    let is_full = pool
        .wait
        .is_some_and(|wait| live == 0 || (!is_starting && wait >= times.grow_after));
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

/// Returns the number of tasks that workers have, and the capacity of the largest worker, if there
/// is one.
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

/// Asks a worker to end.
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
