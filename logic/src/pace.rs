//! The tasks of an operation that may begin now, at its pace. Pure.
//!
//! ```text
//!           due             ended
//! waiting ───────► released ───────► ended (good, bad, withdrawn)
//!  │  ▲                               │ ▲
//!  │  └──────────── again ────────────┘ │
//!  └────────────── ended ───────────────┘
//! ```
//!
//! Of the tasks that no limit holds back, the earliest in the order goes first. A task held back by
//! the limit of its own label does not hold back those behind it.

mod gates;
mod order;

use std::{collections::HashMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use utakata_model::{Pace, Target, TaskId};

use gates::Gates;
pub use order::sort;

/// A task, with the values that the pace of its operation uses. They are kept with the task, since
/// labels may change while the operation runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paced {
    pub id: TaskId,
    /// For each `at_most` of the pace, the value of its target.
    pub values: Vec<Option<Arc<str>>>,
}

/// The end of a task, as far as the pace is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// It was done.
    Good,
    /// It failed, expired or is unknown: counts for `stop_after`.
    Bad,
    /// It was cancelled.
    Withdrawn,
}

/// The state of a task, as far as the pace is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PacedState {
    /// It was not released.
    Waiting,
    /// It was released, and has a place.
    Released,
    /// Its outcome is unknown: it keeps its place, and counts as failed until it is settled.
    Unsettled,
    /// It has given up its place.
    Ended(Ending),
}

/// The rule by which an operation stops after failures. Recorded with the operation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StopRule {
    /// The number of tasks that may end badly before it stops; absent: any number.
    pub after: Option<u32>,
    /// True if nothing more is released until somebody resumes it.
    pub is_stopped: bool,
}

/// A reason why a task was not released yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseWait {
    /// The operation has stopped.
    Stopped {
        /// The number of tasks that ended badly.
        failures: u32,
    },
    /// All places for a value of a label are taken.
    AtMost {
        label: String,
        value: Arc<str>,
        /// The number of its places.
        max: u32,
    },
    /// All places of the operation are taken.
    AtATime {
        /// The number of its places.
        max: usize,
    },
    /// There are places, but others go first.
    Order {
        /// The number of tasks that wait before it.
        before: usize,
    },
}

/// The pacer of an operation, which releases its tasks.
#[derive(Debug)]
pub struct Pacer {
    pace: Pace,
    max: usize,
    stop: StopRule,
    /// The tasks, in the order in which they begin.
    tasks: Vec<(TaskId, PacedState)>,
    places: HashMap<TaskId, usize>,
    gates: Gates,
    released: usize,
    failures: u32,
}

impl Paced {
    /// Creates a paced task with the present values of its target.
    pub fn new(pace: &Pace, id: TaskId, target: &Target) -> Self {
        let value = |label: &str| target.value(label).map(Arc::from);
        Self {
            id,
            values: pace.at_most.iter().map(|one| value(&one.label)).collect(),
        }
    }
}

impl StopRule {
    /// Creates the rule of a pace, with nothing done yet.
    pub fn new(pace: &Pace) -> Self {
        Self {
            after: pace.stop_after.map(u32::from),
            is_stopped: false,
        }
    }
}

impl Pacer {
    /// Creates a pacer with no task released. The tasks are in the order in which they should
    /// begin: see [`sort`].
    pub fn new(pace: Pace, tasks: impl IntoIterator<Item = Paced>) -> Self {
        let stop = StopRule::new(&pace);
        let waiting = tasks.into_iter().map(|task| (task, PacedState::Waiting));
        Self::restore(pace, stop, waiting)
    }

    /// Restores the pace of an operation, with the tasks in their original order. It behaves as the
    /// one that was lost.
    pub fn restore(
        pace: Pace,
        stop: StopRule,
        tasks: impl IntoIterator<Item = (Paced, PacedState)>,
    ) -> Self {
        let mut pacer = Self {
            gates: Gates::new(pace.at_most.clone()),
            pace,
            max: usize::MAX,
            stop,
            tasks: Vec::new(),
            places: HashMap::new(),
            released: 0,
            failures: 0,
        };
        for (paced, standing) in tasks {
            let at = pacer.tasks.len();
            pacer.gates.add(&paced.values);
            pacer.places.insert(paced.id, at);
            pacer.tasks.push((paced.id, standing));
            pacer.join(at, standing);
        }
        if let Some(at_a_time) = pacer.pace.at_a_time {
            pacer.max = at_a_time.of(pacer.tasks.len());
        }
        pacer.judge();
        pacer
    }

    /// Releases the tasks that may begin now: each once.
    pub fn due(&mut self) -> Vec<TaskId> {
        let mut due = Vec::new();
        while !self.stop.is_stopped && self.released < self.max {
            let Some(at) = self.gates.next() else {
                break;
            };
            self.released += 1;
            let (id, standing) = &mut self.tasks[at];
            *standing = PacedState::Released;
            due.push(*id);
        }
        due
    }

    /// Ends a task, whether it was released or not: its place is free. Its earlier state no longer
    /// counts.
    pub fn ended(&mut self, id: TaskId, ending: Ending) {
        let Some(at) = self.place(id) else {
            return;
        };
        self.change(at, PacedState::Ended(ending));
        self.judge();
    }

    /// Marks a task as unsettled: it keeps its place until a person decides.
    pub fn unsettled(&mut self, id: TaskId) {
        self.stand(id, PacedState::Unsettled);
    }

    /// Retries an unsettled task at a person's request, in its present place.
    pub fn retried(&mut self, id: TaskId) {
        self.stand(id, PacedState::Released);
    }

    /// Returns the index of a task; `None` never happens, because callers know its operation.
    fn place(&self, id: TaskId) -> Option<usize> {
        let place = self.places.get(&id).copied();
        utakata_invariant::present(place, "a task is none of its operation", &id)
    }

    fn stand(&mut self, id: TaskId, standing: PacedState) {
        let Some(at) = self.place(id) else {
            return;
        };
        let now = self.tasks[at].1;
        if matches!(now, PacedState::Released | PacedState::Unsettled) && now != standing {
            self.change(at, standing);
            self.judge();
        }
    }

    /// Returns a task that had ended to the queue: it waits for a place as at first.
    pub fn again(&mut self, id: TaskId) {
        let Some(at) = self.place(id) else {
            return;
        };
        if matches!(self.tasks[at].1, PacedState::Ended(_)) {
            self.change(at, PacedState::Waiting);
        }
    }

    /// Resumes the operation after somebody had a look: it stops after as many failures again.
    pub fn resume(&mut self) {
        let more = self.pace.stop_after.map(u32::from);
        self.stop = StopRule {
            after: more.map(|more| self.failures.saturating_add(more)),
            is_stopped: false,
        };
    }

    /// Returns the rule by which it stops, and whether it has.
    pub fn stop(&self) -> StopRule {
        self.stop
    }

    /// Returns the number of tasks that have ended badly.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Returns the reason why a task was not released yet; `None` if it was, or has ended.
    pub fn held(&self, id: TaskId) -> Option<ReleaseWait> {
        let at = *self.places.get(&id)?;
        if self.tasks[at].1 != PacedState::Waiting {
            return None;
        }
        Some(if self.stop.is_stopped {
            let failures = self.failures;
            ReleaseWait::Stopped { failures }
        } else if let Some((limit, value)) = self.gates.full(at) {
            ReleaseWait::AtMost {
                label: limit.label.clone(),
                value: Arc::clone(value),
                max: limit.max.get(),
            }
        } else if self.released >= self.max {
            ReleaseWait::AtATime { max: self.max }
        } else {
            let before = self.tasks[..at].iter();
            let before = before.filter(|(_, standing)| *standing == PacedState::Waiting);
            let before = before.count();
            ReleaseWait::Order { before }
        })
    }

    fn change(&mut self, at: usize, standing: PacedState) {
        let was = std::mem::replace(&mut self.tasks[at].1, standing);
        match was {
            PacedState::Waiting => self.gates.withdraw(at),
            PacedState::Released | PacedState::Unsettled => {
                self.released -= 1;
                self.gates.vacate(at);
                self.failures -= u32::from(was == PacedState::Unsettled);
            }
            PacedState::Ended(Ending::Bad) => self.failures -= 1,
            PacedState::Ended(_) => {}
        }
        self.join(at, standing);
    }

    /// Sets the state of a task.
    fn join(&mut self, at: usize, standing: PacedState) {
        match standing {
            PacedState::Waiting => self.gates.wait(at),
            PacedState::Released | PacedState::Unsettled => {
                self.released += 1;
                self.gates.occupy(at);
                self.failures += u32::from(standing == PacedState::Unsettled);
            }
            PacedState::Ended(Ending::Bad) => self.failures += 1,
            PacedState::Ended(_) => {}
        }
    }

    /// Stops the operation if too many tasks have failed.
    fn judge(&mut self) {
        let after = self.stop.after;
        self.stop.is_stopped |= after.is_some_and(|after| self.failures >= after);
    }
}

impl fmt::Display for ReleaseWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped { failures } => write!(
                f,
                "the operation has stopped after {failures} failures, until it is resumed"
            ),
            Self::AtMost { label, value, max } => {
                write!(f, "at most {max} of {label}={value} at a time")
            }
            Self::AtATime { max } => write!(f, "{max} of the operation at a time"),
            Self::Order { before } => write!(f, "{before} of the operation go first"),
        }
    }
}

#[cfg(test)]
mod tests;
