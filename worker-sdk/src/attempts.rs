//! The attempts of a worker: running, waiting for a slot or for a go, or recently ended.
//!
//! ```text
//!         ┌─► waiting ─┐           observe
//! new ────┤            ├───────────────────────────────────────► running ─► ended
//!         └────────────┘                      go, young enough      ▲        ▲ (remembered, so
//!                      └─► ready (control) ─────────────────────────┘        │  that a repeated
//!                               └────────────── no go, or an old one ────────┘  one is not run)
//! ```
//!
//! One that is ready has a slot. It begins on the go that repeats its nonce, and on nothing else.

use std::collections::{HashMap, VecDeque, hash_map::Entry};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use utakata_model::{Class, TaskKey};
use utakata_protocol::clock::Moment;

use crate::{Task, ending::Subject};

/// The number of ended attempts that are remembered.
const REMEMBERED: usize = 16 * 1024;
/// The number of tasks that may wait for each that may run.
const WAITING_FACTOR: usize = 4;

/// The attempts that a worker has.
#[derive(Debug)]
pub struct Attempts {
    capacity: usize,
    running: usize,
    states: HashMap<TaskKey, State>,
    waiting: VecDeque<Waiting>,
    expiry: Option<Instant>,
    ended: VecDeque<TaskKey>,
    /// The latest nonce that was used.
    nonce: u64,
}

#[derive(Debug)]
enum State {
    Waiting,
    Ready(Box<Ready>),
    Running(Box<Running>),
    Ended,
}

/// A running attempt.
#[derive(Debug, Clone)]
pub struct Running {
    pub subject: Subject,
    /// Cancelled when the attempt is.
    pub cancelled: CancellationToken,
    /// The runtime's task that runs it.
    pub id: tokio::task::Id,
}

/// An attempt at control that is ready, and waits for a go.
#[derive(Debug)]
pub struct Ready {
    pub waiting: Waiting,
    /// The nonce that its go must repeat, and the moment before it was reported ready, once it was.
    pub said: Option<(u64, Moment)>,
}

/// A task that waits for a slot.
#[derive(Debug)]
pub struct Waiting {
    pub subject: Subject,
    /// The task to carry out.
    pub task: Task,
}

/// The effect of a cancellation.
#[derive(Debug)]
pub enum Cancel {
    /// There is no such attempt, or it has ended: no effect.
    Nothing,
    /// It had not begun, and never will.
    Before(Subject),
    /// It is running, and has been informed.
    Told,
}

impl Attempts {
    /// Creates an empty set in which at most `capacity` attempts run at once.
    pub fn build(capacity: u32) -> Self {
        Self {
            capacity: usize::try_from(capacity.max(1)).unwrap_or(usize::MAX),
            running: 0,
            states: HashMap::new(),
            waiting: VecDeque::new(),
            expiry: None,
            ended: VecDeque::new(),
            nonce: 0,
        }
    }

    /// Returns true if this attempt has never arrived before, as far as is remembered.
    pub fn is_new(&self, key: TaskKey) -> bool {
        !self.states.contains_key(&key)
    }

    /// Returns true if another attempt may run.
    pub fn has_slot(&self) -> bool {
        self.running < self.capacity
    }

    /// Returns true if another attempt may wait.
    pub fn has_room(&self) -> bool {
        self.waiting.len() < self.capacity.saturating_mul(WAITING_FACTOR)
    }

    /// Returns the number of attempts that run or wait.
    pub fn count(&self) -> usize {
        self.running + self.waiting.len()
    }

    /// Adds an attempt that is ready, in a slot of its own.
    pub fn be_ready(&mut self, waiting: Waiting) {
        self.expire_by(waiting.subject.deadline());
        self.running += 1;
        let key = waiting.subject.key;
        let ready = Ready {
            waiting,
            said: None,
        };
        self.states.insert(key, State::Ready(Box::new(ready)));
    }

    /// Takes note that an attempt is reported ready now, and returns its nonce, unless it has
    /// ended.
    pub fn say_ready(&mut self, key: TaskKey) -> Option<u64> {
        let Some(State::Ready(ready)) = self.states.get_mut(&key) else {
            return None;
        };
        self.nonce += 1;
        ready.said = Some((self.nonce, Moment::now()));
        Some(self.nonce)
    }

    /// Takes the attempt that a go is for, with the moment before it was reported ready.
    pub fn take_ready(&mut self, key: TaskKey, nonce: u64) -> Option<(Waiting, Moment)> {
        let Some(State::Ready(ready)) = self.states.get(&key) else {
            return None;
        };
        let (_, said) = ready.said.filter(|(its, _)| *its == nonce)?;
        match self.states.insert(key, State::Waiting) {
            Some(State::Ready(ready)) => {
                self.running -= 1;
                Some((ready.waiting, said))
            }
            _ => None,
        }
    }

    /// Returns the attempts that are ready.
    pub fn ready_keys(&self) -> Vec<TaskKey> {
        let keys = self.all_ready().map(|ready| ready.waiting.subject.key);
        keys.collect()
    }

    /// Adds an attempt that waits.
    pub fn wait(&mut self, waiting: Waiting) {
        self.expire_by(waiting.subject.deadline());
        self.states.insert(waiting.subject.key, State::Waiting);
        self.waiting.push_back(waiting);
    }

    /// Takes the attempt that has waited longest, if there is a slot for it.
    pub fn next_to_begin(&mut self) -> Option<Waiting> {
        if self.has_slot() {
            self.waiting.pop_front()
        } else {
            None
        }
    }

    /// Adds an attempt that runs.
    pub fn run(&mut self, running: Running) {
        self.running += 1;
        let key = running.subject.key;
        self.states.insert(key, State::Running(Box::new(running)));
    }

    /// Ends an attempt. Returns false if it has already ended: if it can end in two ways at the
    /// same time, the first counts.
    pub fn end(&mut self, key: TaskKey) -> bool {
        match self.states.entry(key) {
            Entry::Occupied(mut state) => match state.insert(State::Ended) {
                State::Ended => return false,
                State::Running(_) | State::Ready(_) => self.running -= 1,
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

    /// Cancels an attempt.
    pub fn cancel(&mut self, key: TaskKey) -> Cancel {
        match self.states.get(&key) {
            None | Some(State::Ended) => Cancel::Nothing,
            Some(State::Running(running)) => {
                running.cancelled.cancel();
                Cancel::Told
            }
            Some(State::Ready(ready)) => Cancel::Before(ready.waiting.subject.clone()),
            Some(State::Waiting) => {
                let at = self.waiting.iter().position(|w| w.subject.key == key);
                let waiting = at.and_then(|at| self.waiting.remove(at));
                waiting.map_or(Cancel::Nothing, |waiting| Cancel::Before(waiting.subject))
            }
        }
    }

    /// Returns the time of the next look at attempts that may be too late to begin. Never later
    /// than the first of them expires.
    pub fn next_expiry(&self) -> Option<Instant> {
        self.expiry
    }

    /// Takes the attempts that are too late to begin.
    pub fn expired(&mut self, now: Instant) -> Vec<Subject> {
        let (late, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition::<VecDeque<_>, _>(|waiting| waiting.subject.deadline() <= now);
        self.waiting = waiting;
        let late = late.into_iter().map(|waiting| waiting.subject);
        let ready = self.all_ready().map(|ready| &ready.waiting.subject);
        let ready = ready.filter(|subject| subject.deadline() <= now).cloned();
        let late: Vec<Subject> = late.chain(ready).collect();
        let waiting = self.waiting.iter().map(|w| w.subject.deadline());
        let ready = self.all_ready().map(|r| r.waiting.subject.deadline());
        self.expiry = waiting.chain(ready).filter(|at| *at > now).min();
        late
    }

    /// Takes all attempts that wait for a slot or a go. They have not begun.
    pub fn take_waiting(&mut self) -> Vec<Subject> {
        let waiting = std::mem::take(&mut self.waiting);
        let waiting = waiting.into_iter().map(|w| w.subject);
        let ready = self.all_ready().map(|ready| ready.waiting.subject.clone());
        waiting.chain(ready).collect()
    }

    /// Takes the attempts at control that have not begun.
    pub fn take_unbegun_control(&mut self) -> Vec<Subject> {
        let is_control = |waiting: &Waiting| waiting.subject.class == Class::Control;
        let (control, rest) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition::<VecDeque<_>, _>(is_control);
        self.waiting = rest;
        let control = control.into_iter().map(|w| w.subject);
        let ready = self.all_ready().map(|ready| ready.waiting.subject.clone());
        control.chain(ready).collect()
    }

    fn all_ready(&self) -> impl Iterator<Item = &Ready> {
        self.states.values().filter_map(|state| match state {
            State::Ready(ready) => Some(&**ready),
            _ => None,
        })
    }

    fn expire_by(&mut self, deadline: Instant) {
        self.expiry = Some(self.expiry.map_or(deadline, |expiry| expiry.min(deadline)));
    }

    /// Returns the attempts that have begun and not ended.
    pub fn all_running(&self) -> impl Iterator<Item = &Running> {
        self.states.values().filter_map(|state| match state {
            State::Running(running) => Some(&**running),
            State::Waiting | State::Ready(_) | State::Ended => None,
        })
    }
}

#[cfg(test)]
mod tests;
