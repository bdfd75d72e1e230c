//! The workers of a kind, by release: their existence, their tasks, and their ends.
//!
//! ```text
//!   ordered ─► pools ─► observed ─► (quota) ─► plan ─► starts, drains, kills
//!                ▲
//!   reports ─────┘ ready, heard, parted, exited ─► lost
//! ```

mod demand;
mod failures;
mod handover;
mod life;
mod load;
mod plan;
mod pool;
mod select;
mod sizing;
mod trial;
mod worker;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::time::Instant;
use utakata_model::{EnvironmentId, Kind, Manifest, Outcome, RanBy, Stop, StopState, WorkerId};
use utakata_protocol::v1::to_worker::Message;

pub(crate) use self::failures::Failures;
pub(super) use self::{
    handover::{Adopted, RETURN_TIMEOUT, ago},
    load::Ends,
    pool::Room,
    select::PoolFacts,
    sizing::{Demanded, Observed},
    worker::Ended,
};
use self::{
    plan::{Desired, Times},
    pool::Pool,
    worker::Worker,
};
use crate::{Config, Release, catalogue::Chosen, config::Backoff, worker::Number};

#[derive(Debug)]
pub(super) struct Workers {
    kind: Kind,
    environment: EnvironmentId,
    backoff: Backoff,
    times: Times,
    /// The time that the worker of an image has to be started, besides that for its hello.
    starts_within: Duration,
    /// The time that is looked back at for the demand.
    warm_for: Duration,
    /// The largest number of workers that all kinds may have together.
    quota: Option<u32>,
    pools: Vec<Pool>,
    /// The time since which the successor of a used worker is to be started.
    used_since: Option<Instant>,
    effects: WorkerEffects,
}

/// Everything to do about workers because something has changed.
#[derive(Debug, Default)]
pub(super) struct WorkerEffects {
    pub(super) starts: Vec<Start>,
    /// The messages to send.
    pub(super) sends: Vec<Outgoing>,
    /// Workers that are to return, by the time that they have.
    pub(super) parks: Vec<Park>,
    /// Workers to cut off and to kill.
    pub(super) kills: Vec<Number>,
    /// Workers that are not known any more.
    pub(super) forgotten: Vec<Number>,
}

/// A worker to start.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) number: Number,
    pub(super) worker: WorkerId,
    pub(super) release: Arc<Release>,
}

/// A message to a worker.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) worker: Number,
    pub(super) message: Message,
}

/// A worker that is to close its stream and to return.
#[derive(Debug)]
pub(super) struct Park {
    pub(super) number: Number,
    pub(super) worker: WorkerId,
    pub(super) manifest: Arc<Manifest>,
}

/// A worker from which nothing more can arrive: its attempts end.
#[derive(Debug)]
pub(super) struct Lost {
    pub(super) number: Number,
    pub(super) ran_by: RanBy,
    /// True if it was seen to end. Otherwise it is out of reach, and may go on.
    pub(super) is_gone: bool,
    /// True if it was asked to end.
    pub(super) is_expected: bool,
    /// A description of the end, for people.
    pub(super) what: String,
}

impl Workers {
    pub(super) fn new(kind: Kind, environment: EnvironmentId, config: &Config) -> Self {
        Self {
            kind,
            environment,
            backoff: config.backoff,
            times: Times {
                hello_within: config.hello_within,
                hung_after: config.hung_after,
                grow_after: config.grow_after,
                idle_after: config.idle_after,
                drain_within: config.drain_within,
            },
            starts_within: config.image_starts_within(),
            warm_for: config.warm_for,
            quota: config.max_workers,
            pools: Vec::new(),
            used_since: None,
            effects: WorkerEffects::default(),
        }
    }

    /// Serves these releases from now on, except for the versions that are stopped.
    pub(super) fn on_order(&mut self, chosen: &[Chosen], stops: &BTreeMap<Arc<str>, Stop>) {
        for pool in &mut self.pools {
            pool.desired = None;
        }
        for chosen in chosen {
            let id = &chosen.release.id;
            let known = self.pools.iter().position(|pool| pool.release.id == *id);
            let at = known.unwrap_or_else(|| {
                self.pools.push(Pool::new(chosen.release.clone()));
                self.pools.len() - 1
            });
            let pool = &mut self.pools[at];
            pool.release = chosen.release.clone();
            pool.desired = Some(Desired {
                is_active: chosen.is_active,
                size: chosen.size.clone(),
                least: 0,
                is_brief: false,
            });
            pool.is_stable = chosen.is_active;
            pool.is_kept = chosen.is_kept;
        }
        for pool in &mut self.pools {
            pool.stop = stops.get(&pool.release.id.version).copied();
        }
    }

    /// Sets the time that departing workers have.
    pub(super) fn drain_within(&mut self, within: Duration) {
        self.times.drain_within = within;
    }

    /// Takes all effects since the last call.
    pub(super) fn take_effects(&mut self) -> WorkerEffects {
        std::mem::take(&mut self.effects)
    }

    /// Returns the time since which the successor of a used worker is to be started.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        self.used_since
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pools.iter().all(|pool| pool.workers.is_empty())
    }

    /// Returns the number of workers, including those that are ending.
    pub(super) fn count(&self) -> u32 {
        let count: usize = self.pools.iter().map(|pool| pool.workers.len()).sum();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Returns true if each release that could do anything is stopped by itself.
    pub(super) fn are_all_stopped(&self) -> bool {
        let takes = |pool: &&Pool| pool.is_serving() || (pool.desired.is_some() && pool.is_kept);
        let mut taking = self.pools.iter().filter(takes).peekable();
        taking.peek().is_some() && taking.all(|pool| pool.stop.is_some())
    }

    /// Returns true if any release is stopped by itself.
    pub(super) fn is_any_stopped(&self) -> bool {
        self.pools.iter().any(|pool| pool.stop.is_some())
    }

    /// Returns true if the pool at this index is stopped: its tasks wait.
    pub(super) fn is_stopped(&self, pool: usize) -> bool {
        self.pools[pool].stop.is_some()
    }

    /// Returns the progress of each release that is stopped by itself, by version.
    pub(super) fn stopped_releases(&self) -> BTreeMap<Arc<str>, StopState> {
        let stopped = self.pools.iter().filter_map(|pool| {
            let is_idle = || pool.workers.iter().all(|worker| worker.running == 0);
            let state = match pool.stop? {
                Stop::Pause if is_idle() => StopState::Paused,
                Stop::Pause => StopState::Pausing,
                Stop::Drain if pool.workers.is_empty() => StopState::Drained,
                Stop::Drain => StopState::Draining,
            };
            Some((pool.release.id.version.clone(), state))
        });
        stopped.collect()
    }

    /// Counts an outcome of a worker's attempt.
    pub(super) fn on_outcome(&mut self, outcome: &Outcome) {
        let Some(ran_by) = &outcome.ran_by else {
            return;
        };
        let of = |pool: &&mut Pool| pool.release.id.digest == ran_by.release.digest;
        if let Some(pool) = self.pools.iter_mut().find(of) {
            pool.ended.count(outcome.status);
        }
    }

    /// Returns the pool for tasks with this pin.
    pub(super) fn pool_for(&self, pin: Option<&str>) -> Option<usize> {
        let facts: Vec<_> = self.pools.iter().map(Pool::facts).collect();
        select::pool(&facts, pin)
    }

    /// Returns the manifest of the release of a pool.
    pub(super) fn manifest(&self, pool: usize) -> Option<&Arc<Manifest>> {
        self.pools.get(pool).map(|pool| &pool.release.manifest)
    }

    fn all(&self) -> impl Iterator<Item = &Worker> {
        self.pools.iter().flat_map(|pool| &pool.workers)
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut Worker> {
        self.pools.iter_mut().flat_map(|pool| &mut pool.workers)
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

    /// Returns the number of tasks that a worker has, and its capacity.
    #[cfg(test)]
    pub(super) fn load_of(&self, number: Number) -> Option<(u32, u32)> {
        let worker = self.all().find(|worker| worker.number == number)?;
        Some((worker.running, worker.capacity))
    }

    #[cfg(test)]
    pub(super) fn releases(&self) -> Vec<Arc<Release>> {
        self.pools.iter().map(|pool| pool.release.clone()).collect()
    }
}

#[cfg(test)]
mod tests;
