//! The tasks that wait for one target, and those that may begin.

use std::collections::VecDeque;

use tokio::time::Instant;
use utakata_model::{Class, Origin, PerSecond, Target};

use super::{
    Waiting,
    breaker::{Breaker, FORGOTTEN_AFTER, Passage},
    bucket::Bucket,
};
use crate::config::Lanes as Limits;

/// The waiting tasks of one target, and the number of those under way.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) control: VecDeque<Waiting>,
    pub(super) observe: VecDeque<Waiting>,
    /// The number of conversations under way, or kept free for control that is asked for.
    pub(super) running: u32,
    /// True if the target has a writer, of which there is only one, however many may read it:
    /// control is asked for, is permitted, or runs.
    pub(super) is_written: bool,
    /// True if the next conversation that ends is for control that is permitted already.
    pub(super) is_expected: bool,
    /// True for each class in whose turns it is.
    pub(super) has_turn: ByClass<bool>,
    /// The number of conversations that the target can bear.
    conversations: u32,
    /// The rate at which tasks may begin.
    rate: Option<PerSecond>,
    bucket: Bucket,
    pub(super) breaker: Breaker,
    /// The time at which the target was last silent or slow; absent once it answers as others do.
    pub(super) doubted: Option<Instant>,
    /// The number of conversations that began while it was doubtful.
    pub(super) aside: u32,
    /// The time of the next look at it.
    pub(super) rests_until: Option<Instant>,
}

/// A value for each class.
#[derive(Debug, Default)]
pub(super) struct ByClass<T> {
    pub(super) control: T,
    pub(super) observe: T,
}

impl<T> ByClass<T> {
    pub(super) fn of(&mut self, class: Class) -> &mut T {
        match class {
            Class::Control => &mut self.control,
            Class::Observe => &mut self.observe,
        }
    }
}

impl Lane {
    pub(super) fn queue(&mut self, class: Class) -> &mut VecDeque<Waiting> {
        match class {
            Class::Control => &mut self.control,
            Class::Observe => &mut self.observe,
        }
    }

    /// Sets the present limits of the target.
    pub(super) fn set(&mut self, target: &Target, limits: &Limits) {
        let conversations = target.limits.conversations;
        self.conversations = conversations.map_or(limits.attempts, std::num::NonZeroU32::get);
        self.rate = target.limits.per_second.or(limits.per_second);
    }

    /// Returns true if no conversation is free.
    pub(super) fn is_full(&self) -> bool {
        self.running >= self.conversations
    }

    /// Returns the next task of a class, if one may begin now.
    pub(super) fn next(&self, class: Class, now: Instant) -> Option<&Waiting> {
        if self.waits_until(now).is_some() || self.breaker.passage(now) == Passage::None {
            return None;
        }
        self.next_but_for_time(class)
    }

    fn next_but_for_time(&self, class: Class) -> Option<&Waiting> {
        if self.is_full() || self.is_expected {
            return None;
        }
        match class {
            Class::Control => self.control.front().filter(|_| !self.is_written),
            Class::Observe => self.observe.front(),
        }
    }

    /// Takes the task that [`Lane::next`] shows.
    pub(super) fn take(&mut self, class: Class, now: Instant) -> Option<Waiting> {
        let taken = self.queue(class).pop_front()?;
        self.running += 1;
        self.is_written |= class == Class::Control;
        self.breaker.begin();
        if let Some(rate) = self.rate {
            self.bucket.take(rate, now);
        }
        Some(taken)
    }

    /// Prolongs a conversation by another read, if nobody waits to write and time allows.
    pub(super) fn prolong(&mut self, now: Instant) -> bool {
        let is_wanted = self.is_expected || !self.control.is_empty();
        if is_wanted || self.running == 0 || self.waits_until(now).is_some() {
            return false;
        }
        if let Some(rate) = self.rate {
            self.bucket.take(rate, now);
        }
        true
    }

    /// Ends a conversation.
    pub(super) fn release(&mut self, class: Class) {
        self.step_back();
        self.is_written &= class != Class::Control;
    }

    /// Gives up a conversation.
    pub(super) fn step_back(&mut self) {
        self.running = self.running.saturating_sub(1);
        self.breaker.release();
    }

    fn waits_until(&self, now: Instant) -> Option<Instant> {
        self.bucket.waits_until(self.rate?, now)
    }

    /// Returns the time at which time alone changes what may begin, or what is remembered.
    pub(super) fn rests(&self, now: Instant) -> Option<Instant> {
        let waits = |class| self.next_but_for_time(class).is_some();
        if waits(Class::Control) || waits(Class::Observe) {
            return self.waits_until(now).max(self.breaker.opens_at(now));
        }
        let doubted = self.doubted.map(|at| at + FORGOTTEN_AFTER);
        let forgotten = self.breaker.forgotten_at().max(doubted);
        let forgotten = forgotten.filter(|at| now < *at);
        self.bucket.full_at(now).max(forgotten)
    }

    /// Returns true if it is empty, with nothing to remember.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        let is_idle = self.running == 0 && !self.is_written;
        let is_empty = self.control.is_empty() && self.observe.is_empty();
        let is_doubted = self.doubted.is_some_and(|at| now < at + FORGOTTEN_AFTER);
        let is_forgotten = self.bucket.full_at(now).is_none() && self.breaker.is_forgotten(now);
        let is_forgotten = is_forgotten && !is_doubted;
        is_idle && is_empty && is_forgotten && !self.has_any_turn()
    }

    fn has_any_turn(&self) -> bool {
        self.has_turn.control || self.has_turn.observe
    }

    /// Adds an observe task, and returns the one that it displaces.
    pub(super) fn push_observe(&mut self, waiting: Waiting, max: u32) -> Option<Waiting> {
        let task = &waiting.task;
        if let Origin::Schedule(_) = task.origin
            && let Some(older) = self
                .observe
                .iter_mut()
                .find(|w| w.task.origin == task.origin && w.task.action == task.action)
        {
            return Some(std::mem::replace(older, waiting));
        }
        let same = |w: &Waiting| w.task.action == task.action;
        let full = self.observe.iter().filter(|w| same(w)).count() >= max as usize;
        let oldest = full
            .then(|| self.observe.iter().position(same))
            .flatten()
            .and_then(|at| self.observe.remove(at));
        self.observe.push_back(waiting);
        oldest
    }
}
