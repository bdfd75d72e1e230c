//! One counter: its faults and its register.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use tokio::time::Instant;

use super::KIND;
use super::objects::{Change, Sight};
use super::register::{Class, Register, Sum, TokenTruth};
use crate::chance::draw;
use crate::control::{Detail, Equipment};
use crate::fault::{Fault, Faults, Misfit, Order, Reply};
use crate::moment::Moment;

/// A device that counts the commands it receives.
#[derive(Debug)]
pub struct Counter {
    name: String,
    seed: u64,
    began: Instant,
    state: Mutex<State>,
    requests: AtomicU64,
    answers: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    faults: Faults,
    register: Register,
    sets: u64,
    muted: u64,
}

/// The course of a valid SET.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Course {
    /// True if the request is answered.
    pub is_answered: bool,
    /// The delay until it takes effect; `None` if it already has, or never will.
    pub late: Option<Duration>,
}

/// The truth about a counter.
#[derive(Debug, Clone, Serialize)]
pub struct Truth {
    pub name: String,
    pub kind: &'static str,
    pub faults: Vec<String>,
    /// Requests that reached it, including repeated ones.
    pub requests: u64,
    /// The number of answers that it has sent.
    pub answers: u64,
    /// Objects set, with or without an effect.
    pub sets: u64,
    /// SETs that took effect and were not answered.
    pub muted: u64,
    pub marks: Sum,
    pub puts: Sum,
    /// Every token, if requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Vec<TokenTruth>>,
}

impl Counter {
    /// A counter that has received nothing yet.
    pub fn new(name: String, seed: u64, began: Instant) -> Self {
        Self {
            name,
            seed,
            began,
            state: Mutex::default(),
            requests: AtomicU64::new(0),
            answers: AtomicU64::new(0),
        }
    }

    /// Returns its present faults.
    pub fn faults(&self) -> Vec<String> {
        self.state.lock().faults.names()
    }

    /// Passes `look` the current state as seen by a manager.
    pub fn show<T>(&self, look: impl FnOnce(Sight<'_>) -> T) -> T {
        look(Sight {
            name: &self.name,
            seed: self.seed,
            uptime: self.began.elapsed(),
            requests: self.requests.load(Ordering::Relaxed),
            register: &self.state.lock().register,
        })
    }

    /// Records commands and carries them out, unless the device lies or is late.
    pub fn obey(&self, changes: &[Change]) -> Course {
        let mut state = self.state.lock();
        state.sets += changes.len() as u64;
        for change in changes {
            state.register.received(change.class, &change.token);
        }
        let is_lying = state.faults.has(Fault::Lying);
        let late = state.faults.late().filter(|_| !is_lying);
        if !is_lying && late.is_none() {
            state.effect(changes);
        }
        let bits = draw(self.seed, &self.name, state.sets);
        let chance = state.faults.mute_sets();
        let is_muted = chance.is_some_and(|chance| chance.falls(bits));
        state.muted += u64::from(is_muted);
        Course {
            is_answered: !is_muted,
            late,
        }
    }

    /// Carries out delayed commands.
    pub fn obey_late(&self, changes: &[Change]) {
        self.state.lock().effect(changes);
    }

    /// Counts a request, and returns how it is answered.
    pub fn receive(&self) -> Reply {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.state.lock().faults.reply(self.began.elapsed())
    }

    /// Counts an answer.
    pub fn answered(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
    }
}

impl State {
    fn effect(&mut self, changes: &[Change]) {
        let now = Moment::now();
        for change in changes {
            self.register.done(change.class, &change.token, now);
        }
    }
}

impl Equipment for Counter {
    type Truth = Truth;

    fn name(&self) -> &str {
        &self.name
    }

    fn order(&self, order: Order) -> Result<(), Misfit> {
        if let Order::Add(
            fault @ (Fault::Frozen
            | Fault::HalfTable
            | Fault::InputLost
            | Fault::Warm(_)
            | Fault::Condition(_)),
        ) = order
        {
            return Err(Misfit {
                device: self.name.clone(),
                fault,
                why: "only devices of a room have that",
            });
        }
        if let Order::Add(fault) = order
            && let Some(why) = fault.only_of()
        {
            return Err(Misfit {
                device: self.name.clone(),
                fault,
                why,
            });
        }
        let mut state = self.state.lock();
        state.faults = std::mem::take(&mut state.faults).ordered(order);
        Ok(())
    }

    fn truth(&self, detail: Detail) -> Truth {
        let state = self.state.lock();
        Truth {
            name: self.name.clone(),
            kind: KIND,
            faults: state.faults.names(),
            requests: self.requests.load(Ordering::Relaxed),
            answers: self.answers.load(Ordering::Relaxed),
            sets: state.sets,
            muted: state.muted,
            marks: state.register.of(Class::Mark).sum(),
            puts: state.register.of(Class::Put).sum(),
            tokens: (detail == Detail::Whole).then(|| state.register.truth()),
        }
    }
}
