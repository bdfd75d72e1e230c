//! The workers of one release.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use utakata_model::{
    Class, PoolStatus, Problem, Stop, environment::EndedTasks, manifest::Lifetime,
};

use super::{
    demand::Demand,
    failures::Failures,
    plan::{self, Phase},
    select::PoolFacts,
    worker::{Ended, Worker},
};
use crate::{Release, config::Backoff, quota::Turn};

/// The time for which the end of a worker is a problem of its pool; at least twice the longest pause
/// before a restart, so that a release that never starts is reported without a break.
const PROBLEM_TOLD: Duration = Duration::from_secs(120);

/// The workers of one release.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) release: Arc<Release>,
    pub(super) desired: Option<plan::Desired>,
    /// True if it serves unless a rollout decides otherwise.
    pub(super) is_stable: bool,
    /// True if targets may be pinned to it.
    pub(super) is_kept: bool,
    /// True if a rollout has turned it back: nothing goes to it.
    pub(super) is_retired: bool,
    /// The stop that is ordered: tasks that would go to it wait.
    pub(super) stop: Option<Stop>,
    pub(super) failures: Failures,
    /// The number of workers that died or hung.
    pub(super) lost: u64,
    /// The latest problem of a worker.
    pub(super) problem: Option<Problem>,
    /// The time of it, for as long as it counts as a problem of now.
    failed: Option<Instant>,
    /// The latest reason why the environment could not start one, which is not the release's fault.
    pub(super) trouble: Option<Problem>,
    /// The number of workers that it has needed lately.
    pub(super) demand: Demand,
    /// The tasks that its workers have ended, by status.
    pub(super) ended: EndedTasks,
    /// Its turn: the time since which it has workers, or waits for one.
    pub(super) turn: Turn,
    /// Its share, if it needs more workers than the environment has room for.
    pub(super) short: Option<u32>,
    pub(super) workers: Vec<Worker>,
}

impl Pool {
    pub(super) fn new(release: Arc<Release>) -> Self {
        Self {
            release,
            desired: None,
            is_stable: false,
            is_kept: false,
            is_retired: false,
            stop: None,
            failures: Failures::default(),
            lost: 0,
            problem: None,
            failed: None,
            trouble: None,
            demand: Demand::default(),
            ended: EndedTasks::default(),
            turn: Turn::None,
            short: None,
            workers: Vec::new(),
        }
    }

    /// Records that the worker at this index has failed, unless it was asked to end. Counted once,
    /// as soon as it is known, so that its successor waits.
    pub(super) fn fail(&mut self, at: usize, now: Instant, backoff: &Backoff) {
        let worker = &mut self.workers[at];
        if worker.is_expected || worker.is_excused {
            return;
        }
        if let Some((_, Ended::Hindered(trouble))) = &worker.exited {
            self.trouble = Some(trouble.clone());
            if !std::mem::replace(&mut worker.is_counted, true) {
                self.failures = self.failures.on_hindrance(now, backoff);
            }
            return;
        }
        if worker.may_be_excused() {
            return;
        }
        // More is known each time.
        self.problem = Some(worker.end_problem());
        self.failed = Some(now);
        if !std::mem::replace(&mut worker.is_counted, true) {
            // A worker that was never ready has not lived.
            let lived = worker
                .ready_since
                .map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
            self.failures = self.failures.on_death(now, lived, backoff);
            self.lost += 1;
        }
    }

    /// Forgets deaths once a worker has lived long enough, and what failed long ago.
    pub(super) fn forgive(&mut self, now: Instant, backoff: &Backoff) {
        let ready = self.workers.iter().filter_map(|worker| worker.ready_since);
        let longest = ready
            .min()
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        self.failures = self.failures.on_life(longest, backoff);
        // A pool that wants workers has tried again by then.
        self.failed = self.failed.filter(|failed| {
            let ago = now.saturating_duration_since(*failed);
            ago < PROBLEM_TOLD.max(backoff.max.saturating_mul(2))
        });
    }

    /// Returns the reason why the environment cannot start workers, as long as it tries to.
    pub(super) fn trouble(&self) -> Option<Problem> {
        self.trouble.clone().filter(|_| self.failures.any())
    }

    /// Returns true if each task has a worker of its own.
    pub(super) fn is_single(&self) -> bool {
        let desired = self.desired.as_ref();
        desired.is_some_and(|desired| desired.size.lifetime == Lifetime::Task)
    }

    pub(super) fn ready(&self) -> u32 {
        self.count(|phase| matches!(phase, Phase::Ready { .. }))
    }

    /// Returns the peak memory of its workers, in bytes.
    pub(super) fn memory(&self) -> Option<u64> {
        self.workers.iter().filter_map(|worker| worker.memory).max()
    }

    /// Returns the workers that take tasks, or will.
    pub(super) fn live(&self) -> u32 {
        self.count(|phase| matches!(phase, Phase::Starting { .. } | Phase::Ready { .. }))
    }

    /// Returns the room that its workers have.
    pub(super) fn room(&self) -> Room {
        if self.stop.is_some() {
            return Room::default();
        }
        let candidates = self.workers.iter().filter_map(Worker::candidate);
        candidates.fold(Room::default(), |room, worker| {
            room.with(worker.running, worker.capacity)
        })
    }

    /// Returns true if tasks without a pin go to it.
    pub(super) fn is_serving(&self) -> bool {
        self.desired
            .as_ref()
            .is_some_and(|desired| desired.is_active)
    }

    /// Returns true if any action of its release reads, because only reads are compared.
    pub(super) fn reads(&self) -> bool {
        let mut actions = self.release.manifest.actions.iter();
        actions.any(|action| action.class == Class::Observe)
    }

    pub(super) fn facts(&self) -> PoolFacts<'_> {
        PoolFacts {
            version: &self.release.id.version,
            is_desired: self.desired.is_some(),
            is_active: self.is_serving(),
            is_retired: self.is_retired,
            is_stopped: self.stop.is_some(),
            ready: self.ready(),
        }
    }

    /// Returns the status, as others see it.
    pub(super) fn status(&self, is_active: bool, waiting: u32) -> PoolStatus {
        let ready = self.ready();
        let is_sick = self.failed.is_some() && (ready == 0 || self.failures.is_loop());
        PoolStatus {
            release: (*self.release.id).clone(),
            manifest: Arc::clone(&self.release.manifest),
            active: is_active,
            starting: self.count(|phase| matches!(phase, Phase::Starting { .. })),
            ready,
            draining: self.count(|phase| matches!(phase, Phase::Draining { .. })),
            running: self.workers.iter().map(|worker| worker.running).sum(),
            waiting,
            lost: self.lost,
            problem: self
                .trouble()
                .or_else(|| self.problem.clone().filter(|_| is_sick)),
            memory: self.memory(),
            ended: self.ended,
        }
    }

    fn count(&self, is_wanted: impl Fn(&Phase) -> bool) -> u32 {
        let count = self.workers.iter().filter(|w| is_wanted(&w.phase)).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

/// The number of tasks that workers can take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::kind) struct Room {
    /// The number of free slots now.
    pub(in crate::kind) free: usize,
    /// The number of slots in total.
    pub(in crate::kind) capacity: usize,
}

impl Room {
    /// Adds the room of a worker with this number of tasks and this capacity.
    pub(super) fn with(self, running: u32, capacity: u32) -> Self {
        Self {
            free: self.free + capacity.saturating_sub(running) as usize,
            capacity: self.capacity + capacity as usize,
        }
    }
}
