//! Which attempts a worker has: running, waiting for a slot, or ended not long ago.
//!
//! ```text
//!         ┌─► waiting ─┐
//! new ────┤            ├─► running ─► ended (remembered, so that a repeated one is not run)
//!         └────────────┘
//! ```

use std::collections::{HashMap, VecDeque, hash_map::Entry};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use utakata_model::TaskKey;

use crate::{Task, ending::Subject};

/// How many ended attempts are remembered.
const REMEMBERED: usize = 16 * 1024;
/// How many tasks may wait for each that may run.
const WAITING_FACTOR: usize = 4;

/// Which attempts a worker has.
#[derive(Debug)]
pub struct Attempts {
    capacity: usize,
    running: usize,
    states: HashMap<TaskKey, State>,
    waiting: VecDeque<Waiting>,
    expiry: Option<Instant>,
    ended: VecDeque<TaskKey>,
}

#[derive(Debug)]
enum State {
    Waiting,
    Running(Box<Running>),
    Ended,
}

/// An attempt that runs.
#[derive(Debug, Clone)]
pub struct Running {
    /// What it is.
    pub subject: Subject,
    /// Tells it that it is cancelled.
    pub cancelled: CancellationToken,
    /// The task of the runtime that runs it.
    pub id: tokio::task::Id,
}

/// A task for which there is no slot yet.
#[derive(Debug)]
pub struct Waiting {
    /// What it is.
    pub subject: Subject,
    /// What is to be done.
    pub task: Task,
}

/// What a cancel means.
#[derive(Debug)]
pub enum Cancel {
    /// There is no such attempt, or it has ended: nothing.
    Nothing,
    /// It had not begun, and will not.
    Before(Subject),
    /// It runs and was told.
    Told,
}

impl Attempts {
    /// None yet. At most so many run at once.
    pub fn build(capacity: u32) -> Self {
        Self {
            capacity: usize::try_from(capacity.max(1)).unwrap_or(usize::MAX),
            running: 0,
            states: HashMap::new(),
            waiting: VecDeque::new(),
            expiry: None,
            ended: VecDeque::new(),
        }
    }

    /// Whether this attempt never came before, as far as is remembered.
    pub fn is_new(&self, key: TaskKey) -> bool {
        !self.states.contains_key(&key)
    }

    /// Whether one more may run.
    pub fn has_slot(&self) -> bool {
        self.running < self.capacity
    }

    /// Whether one more may wait.
    pub fn has_room(&self) -> bool {
        self.waiting.len() < self.capacity.saturating_mul(WAITING_FACTOR)
    }

    /// How many run or wait.
    pub fn count(&self) -> usize {
        self.running + self.waiting.len()
    }

    /// One waits.
    pub fn wait(&mut self, waiting: Waiting) {
        let deadline = waiting.subject.deadline();
        self.expiry = Some(self.expiry.map_or(deadline, |expiry| expiry.min(deadline)));
        self.states.insert(waiting.subject.key, State::Waiting);
        self.waiting.push_back(waiting);
    }

    /// The one that has waited longest, if there is a slot for it.
    pub fn next_to_begin(&mut self) -> Option<Waiting> {
        if self.has_slot() {
            self.waiting.pop_front()
        } else {
            None
        }
    }

    /// One runs.
    pub fn run(&mut self, running: Running) {
        self.running += 1;
        let key = running.subject.key;
        self.states.insert(key, State::Running(Box::new(running)));
    }

    /// One has ended. Whether this is news: of the two ways in which one can end at the same
    /// time, the first one counts.
    pub fn end(&mut self, key: TaskKey) -> bool {
        match self.states.entry(key) {
            Entry::Occupied(mut state) => match state.insert(State::Ended) {
                State::Ended => return false,
                State::Running(_) => self.running -= 1,
                State::Waiting => {}
            },
            Entry::Vacant(state) => {
                state.insert(State::Ended);
            }
        }
        self.ended.push_back(key);
        if self.ended.len() > REMEMBERED
            && let Some(oldest) = self.ended.pop_front()
        {
            self.states.remove(&oldest);
        }
        true
    }

    /// Cancels one.
    pub fn cancel(&mut self, key: TaskKey) -> Cancel {
        match self.states.get(&key) {
            None | Some(State::Ended) => Cancel::Nothing,
            Some(State::Running(running)) => {
                running.cancelled.cancel();
                Cancel::Told
            }
            Some(State::Waiting) => {
                let at = self.waiting.iter().position(|w| w.subject.key == key);
                let waiting = at.and_then(|at| self.waiting.remove(at));
                waiting.map_or(Cancel::Nothing, |waiting| Cancel::Before(waiting.subject))
            }
        }
    }

    /// When to look for some that are too late to begin. Never later than the first of them.
    pub fn next_expiry(&self) -> Option<Instant> {
        self.expiry
    }

    /// Takes those out that are too late to begin.
    pub fn expired(&mut self, now: Instant) -> Vec<Subject> {
        let (late, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition::<VecDeque<_>, _>(|waiting| waiting.subject.deadline() <= now);
        self.waiting = waiting;
        let deadlines = self.waiting.iter().map(|w| w.subject.deadline());
        self.expiry = deadlines.min();
        late.into_iter().map(|waiting| waiting.subject).collect()
    }

    /// Takes all out that wait.
    pub fn take_waiting(&mut self) -> Vec<Subject> {
        let waiting = std::mem::take(&mut self.waiting);
        waiting.into_iter().map(|w| w.subject).collect()
    }

    /// Those that run.
    pub fn all_running(&self) -> impl Iterator<Item = &Running> {
        self.states.values().filter_map(|state| match state {
            State::Running(running) => Some(&**running),
            State::Waiting | State::Ended => None,
        })
    }
}

#[cfg(test)]
mod tests;
