//! The attempts of workers: those that have begun and not yet ended.

use std::{
    collections::{HashMap, hash_map::Entry},
    time::Duration,
};

use tokio::time::Instant;
use utakata_model::{Class, Task, TaskKey};

use crate::worker::Number;

/// The longest timeout that is kept; a longer one is as good as none.
const MAX_TIMEOUT: Duration = Duration::from_secs(7 * 24 * 3600);

/// The permit of an attempt at control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Permit {
    /// The number of the ask that it answers.
    pub(crate) ask: u64,
    /// The time after which nothing begins under it.
    pub(crate) until: Instant,
}

/// The go of an attempt that a worker has: after it, the attempt may have begun.
///
/// ```text
/// observe: (begun)      control: awaited ──► given (begun)
///                                   └─ permit over, worker lost: void
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Go {
    /// An observe attempt: it began when it arrived.
    Needless,
    /// It begins on a go, which was not given yet.
    Awaited,
    /// It has its go, and may have begun.
    Given,
    /// It has no go and never gets one. It is reported as not begun; the worker has yet to answer.
    Void,
}

/// The reason why an attempt gets no go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoGo {
    /// The permit has ended.
    Late,
    /// The worker has no such attempt, or none that may begin.
    Nothing,
}

/// An attempt that a worker has.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) task: Task,
    pub(crate) permit: Option<Permit>,
    pub(crate) worker: Number,
    /// The time that it waited before.
    pub(crate) waited: Duration,
    /// The time at which the worker received it.
    pub(crate) begun: Instant,
    /// The time after which it is not begun, should it wait again.
    pub(crate) expires: Instant,
    pub(crate) go: Go,
    /// True if it was answered in the worker's place, because that took too long.
    pub(crate) is_overdue: bool,
    /// True if another program of this life began it: the data for beginning it again are not here.
    pub(crate) is_adopted: bool,
}

/// Every attempt that has begun and not ended.
#[derive(Debug)]
pub(crate) struct Attempts {
    grace: Duration,
    /// The number of attempts with a permit.
    permitted: usize,
    attempts: HashMap<TaskKey, Attempt, foldhash::fast::RandomState>,
}

impl Attempt {
    /// Returns true if another release may do it, too: a read that is pinned to none, and so was
    /// not repeated before.
    pub(crate) fn may_repeat(&self) -> bool {
        self.task.class == Class::Observe && self.task.target.pin.is_none()
    }
}

impl Attempts {
    /// Creates an empty set. `grace` is the time that a worker may exceed the timeout.
    pub(crate) fn new(grace: Duration) -> Self {
        Self {
            grace,
            permitted: 0,
            attempts: HashMap::default(),
        }
    }

    pub(crate) fn begin(&mut self, attempt: Attempt) {
        self.permitted += usize::from(attempt.permit.is_some());
        self.attempts.insert(attempt.task.key(), attempt);
    }

    /// Gives an attempt its go, and returns the time for which that is good. A worker that asks
    /// again, because its manager was replaced, gets the answer again: it begins an attempt only
    /// once.
    pub(crate) fn give_go(
        &mut self,
        key: TaskKey,
        worker: Number,
        now: Instant,
    ) -> Result<Duration, NoGo> {
        let attempt = self.attempts.get_mut(&key);
        let attempt = attempt.filter(|attempt| attempt.worker == worker);
        let attempt = attempt.ok_or(NoGo::Nothing)?;
        if !matches!(attempt.go, Go::Awaited | Go::Given) {
            return Err(NoGo::Nothing);
        }
        let within = match attempt.permit {
            Some(permit) if now > permit.until => return Err(NoGo::Late),
            Some(permit) => permit.until - now,
            None => attempt.task.timeout,
        };
        attempt.go = Go::Given;
        Ok(within)
    }

    /// Returns those that wait for a go beyond the end of their permits.
    pub(crate) fn late(&self, now: Instant) -> Vec<TaskKey> {
        let is_over = |permit: Permit| now > permit.until;
        let late = self.awaiting().filter(|a| a.permit.is_some_and(is_over));
        late.map(|attempt| attempt.task.key()).collect()
    }

    /// Returns those that wait for a go.
    pub(crate) fn awaiting(&self) -> impl Iterator<Item = &Attempt> {
        let all = self.attempts.values();
        all.filter(|attempt| attempt.go == Go::Awaited)
    }

    /// Makes an attempt void that has no go yet: it never gets one.
    pub(crate) fn make_void(&mut self, key: TaskKey) -> Option<&Attempt> {
        let attempt = self.attempts.get_mut(&key);
        let attempt = attempt.filter(|attempt| attempt.go == Go::Awaited)?;
        attempt.go = Go::Void;
        Some(attempt)
    }

    /// Takes the attempt that a worker has answered, if it has that one.
    pub(crate) fn end(&mut self, key: TaskKey, worker: Number) -> Option<Attempt> {
        let attempt = match self.attempts.entry(key) {
            Entry::Occupied(entry) if entry.get().worker == worker => entry.remove(),
            _ => return None,
        };
        self.permitted -= usize::from(attempt.permit.is_some());
        Some(attempt)
    }

    /// Takes everything that a worker has.
    pub(crate) fn end_all(&mut self, worker: Number) -> Vec<Attempt> {
        let of_worker = |_: &TaskKey, attempt: &mut Attempt| attempt.worker == worker;
        let ended = self.attempts.extract_if(of_worker);
        let ended: Vec<Attempt> = ended.map(|(_, attempt)| attempt).collect();
        self.permitted -= ended.iter().filter(|a| a.permit.is_some()).count();
        ended
    }

    /// Marks and returns the attempts that have become overdue.
    pub(crate) fn mark_overdue(&mut self, now: Instant) -> Vec<&Attempt> {
        let grace = self.grace;
        let is_late = |attempt: &Attempt| {
            let max = attempt.task.timeout.min(MAX_TIMEOUT) + grace;
            !attempt.is_overdue && now.saturating_duration_since(attempt.begun) >= max
        };
        let mut late = Vec::new();
        for attempt in self.attempts.values_mut() {
            if is_late(attempt) {
                attempt.is_overdue = true;
                late.push(&*attempt);
            }
        }
        late
    }

    /// Returns the time that the longest attempt of a worker may still take.
    pub(crate) fn longest_of(&self, worker: Number, now: Instant) -> Duration {
        let of_worker = self.attempts.values().filter(|a| a.worker == worker);
        let left = of_worker.map(|attempt| {
            let max = attempt.task.timeout.min(MAX_TIMEOUT) + self.grace;
            max.saturating_sub(now.saturating_duration_since(attempt.begun))
        });
        left.max().unwrap_or_default()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.values()
    }

    pub(crate) fn has(&self, key: TaskKey) -> bool {
        self.attempts.contains_key(&key)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.attempts.is_empty()
    }

    /// Returns the number of attempts that run under a permit.
    pub(crate) fn permitted(&self) -> usize {
        self.permitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::task;

    fn begin(attempts: &mut Attempts, target: &str, worker: u64, begun: Instant) -> TaskKey {
        let task = task(target);
        let key = task.key();
        attempts.begin(Attempt {
            task,
            permit: None,
            worker: Number(worker),
            waited: Duration::ZERO,
            begun,
            expires: begun,
            go: Go::Needless,
            is_overdue: false,
            is_adopted: false,
        });
        key
    }

    #[test]
    fn an_attempt_is_ended_by_its_own_worker_and_once() {
        let mut attempts = Attempts::new(Duration::from_secs(2));
        let key = begin(&mut attempts, "a", 1, Instant::now());
        assert!(attempts.end(key, Number(2)).is_none());
        assert!(attempts.end(key, Number(1)).is_some());
        assert!(attempts.end(key, Number(1)).is_none());
    }

    #[test]
    fn a_go_is_good_as_long_as_the_permit_and_a_void_attempt_gets_none() {
        let (start, worker) = (Instant::now(), Number(1));
        let mut attempts = Attempts::new(Duration::from_secs(2));
        let task = task("a");
        let key = task.key();
        attempts.begin(Attempt {
            task,
            permit: Some(Permit {
                ask: 1,
                until: start + Duration::from_secs(5),
            }),
            worker,
            waited: Duration::ZERO,
            begun: start,
            expires: start,
            go: Go::Awaited,
            is_overdue: false,
            is_adopted: false,
        });
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(attempts.give_go(key, Number(2), at(1)), Err(NoGo::Nothing));
        assert_eq!(attempts.give_go(key, worker, at(6)), Err(NoGo::Late));
        assert_eq!(attempts.late(at(5)), []);
        assert_eq!(attempts.late(at(6)), [key]);
        let left = attempts.give_go(key, worker, at(2));
        assert_eq!(left, Ok(Duration::from_secs(3)));
        assert_eq!(attempts.late(at(6)), []);
        assert!(attempts.make_void(key).is_none(), "it may have begun");
        let left = attempts.give_go(key, worker, at(4));
        assert_eq!(left, Ok(Duration::from_secs(1)));
    }

    #[test]
    fn what_a_lost_worker_had_is_given_back_and_nothing_else() {
        let mut attempts = Attempts::new(Duration::from_secs(2));
        let one = begin(&mut attempts, "a", 1, Instant::now());
        let two = begin(&mut attempts, "b", 2, Instant::now());
        let lost = attempts.end_all(Number(1));
        assert_eq!(lost.len(), 1);
        assert_eq!(lost[0].task.key(), one);
        assert!(attempts.has(two));
    }

    #[test]
    fn an_attempt_is_overdue_once_after_timeout_and_grace() {
        let start = Instant::now();
        let mut attempts = Attempts::new(Duration::from_secs(2));
        begin(&mut attempts, "a", 1, start);
        let at = |seconds| start + Duration::from_millis(seconds);
        assert_eq!(attempts.mark_overdue(at(11_999)).len(), 0);
        assert_eq!(attempts.mark_overdue(at(12_000)).len(), 1);
        assert_eq!(attempts.mark_overdue(at(13_000)).len(), 0);
        assert!(!attempts.is_empty());
    }
}
