//! The observed pools of one kind, and the times by which they are judged.

use std::time::Duration;

use tokio::time::Instant;
use utakata_model::manifest::{PoolSize, Recycle};

use super::super::failures::Failures;
use crate::{quota::Allowed, worker::Number};

/// The number of attempts without an answer after which a worker counts as hung.
const MAX_OVERDUE: u32 = 3;
/// The time within which a worker must be gone after its stream has ended, or after it was killed.
const EXIT_TIMEOUT: Duration = Duration::from_secs(2);
/// The least age at which a worker is replaced for its memory, so that too small a limit does not
/// replace workers constantly.
const MEMORY_AFTER: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ObservedPool {
    /// Its desired state; `None` if its release is gone or was replaced.
    pub(crate) desired: Option<Desired>,
    /// True if its workers are to end as soon as they have nothing to do, and none is started.
    pub(crate) is_stopped: bool,
    pub(crate) workers: Vec<ObservedWorker>,
    /// The time that the first in turn has been waiting for one of its workers.
    pub(crate) wait: Option<Duration>,
    /// The number of tasks that could begin if there were room.
    pub(crate) queued: u64,
    /// The number of workers that it recently needed at once.
    pub(crate) warm: u32,
    pub(crate) failures: Failures,
    /// Its share of the workers of the environment; `None`: as many as it wants.
    pub(crate) allowed: Option<Allowed>,
}

/// The desired state of a pool.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Desired {
    /// True if tasks without a pin go to it.
    pub(crate) is_active: bool,
    pub(crate) size: PoolSize,
    /// The least number of workers that a rollout needs, as far as it may have that many.
    pub(crate) least: u32,
    /// True if idle workers are stopped at once.
    pub(crate) is_brief: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ObservedWorker {
    pub(crate) number: Number,
    pub(crate) phase: Phase,
    /// The number of attempts that it runs.
    pub(crate) running: u32,
    /// Of these, those that it should have answered long ago.
    pub(crate) overdue: u32,
    /// The number of attempts that it takes at once.
    pub(crate) capacity: u32,
    /// The number of tasks that it was given.
    pub(crate) begun: u64,
    /// True if it is for one task, which it has had.
    pub(crate) is_spent: bool,
    /// The time since which it takes tasks.
    pub(crate) ready_since: Option<Instant>,
    /// Its memory in bytes, if known.
    pub(crate) memory: Option<u64>,
}

/// The phase of a worker's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It was started and has not said hello.
    Starting { since: Instant },
    /// It takes tasks.
    Ready {
        /// The time of its last message.
        heard: Instant,
        /// The time at which it last had something to do.
        busy: Instant,
    },
    /// It finishes its tasks and takes no new ones.
    Draining {
        until: Instant,
        /// The time of its last message.
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

/// The reason why a worker is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// It did not say hello in time.
    NoHello,
    /// It sent no heartbeat.
    Silent,
    /// It does not answer attempts.
    Overdue,
    /// It did not finish its tasks in time.
    DrainedTooLong,
    /// It is not needed, and has not said hello yet.
    NotNeeded,
    /// Its stream has ended, but its process has not.
    Left,
}

impl Why {
    /// Returns true if the worker was at fault.
    pub(crate) fn is_failure(self) -> bool {
        matches!(self, Self::NoHello | Self::Silent | Self::Overdue)
    }
}

impl ObservedWorker {
    /// Returns true if it serves, or will.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Starting { .. } | Phase::Ready { .. })
    }

    pub(super) fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready { .. })
    }

    pub(super) fn is_starting(&self) -> bool {
        matches!(self.phase, Phase::Starting { .. })
    }

    /// Returns true if it has done what it was started for.
    pub(super) fn is_done(&self) -> bool {
        self.is_spent && self.is_ready() && self.running == 0
    }

    /// Returns true if a new worker is to replace it.
    pub(super) fn is_due(&self, recycle: &Recycle, now: Instant) -> bool {
        let lived = |since| now.saturating_duration_since(since);
        let lived = self.ready_since.map(lived).unwrap_or_default();
        let by_tasks = recycle.tasks.is_some_and(|max| self.begun >= max.get());
        let by_age = recycle.age.is_some_and(|max| lived >= max);
        let is_large = recycle.memory.zip(self.memory);
        let by_memory = is_large.is_some_and(|(max, memory)| memory > max.bytes());
        let is_due = by_tasks || by_age || (by_memory && lived >= MEMORY_AFTER);
        is_due && self.is_ready() && self.overdue == 0 && !self.is_spent
    }

    /// Returns the fault because of which it must end.
    pub(super) fn wrong(&self, times: &Times, now: Instant) -> Option<Why> {
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
