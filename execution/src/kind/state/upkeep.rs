//! Changes by time alone, and the planning of workers.

use std::time::Duration;

use tokio::time::Instant;
use utakata_model::{Class, OutcomeStatus};

use super::{Moment, State};
use crate::{
    kind::{
        outcome,
        workers::{Demanded, Observed, PoolFacts},
    },
    quota::Allowed,
    worker::Number,
};

impl State {
    /// Handles deadlines, ends of workers, and the desired state of the pools. Returns the input
    /// for the [plan](Self::plan), with what each of them may have. None while everything goes over
    /// to another program.
    pub(in crate::kind) fn upkeep(&mut self, at: Moment) -> Option<Observed> {
        for waiting in self.lanes.take_expired(at.now) {
            self.end_waiting(waiting, OutcomeStatus::Expired, outcome::expired(), at);
        }
        self.end_late_go(at);
        self.end_overdue(at);
        for lost in self.workers.bury(at.now) {
            self.settle(&lost, at);
        }
        if self.lifecycle.is_given_up(at.now) {
            self.workers.end_all(at.now);
        }
        if self.is_stopped() {
            self.hand_over(at);
        }
        self.workers.end_late(at.now);
        if self.lifecycle.is_going_over() {
            self.advance_handover(at);
            return None;
        }
        self.advance_rollout(at);
        let pools = self.workers.pools();
        let demanded: Vec<Demanded> = pools.map(|pool| self.demanded(pool, at.now)).collect();
        let (candidate, stop) = (self.rollout.candidate(), self.lifecycle.stop());
        Some(self.workers.observe(&demanded, candidate, stop, at.now))
    }

    /// Starts, drains and kills workers, given the number that each pool may have. `fresh` provides
    /// numbers for workers, each used once.
    pub(in crate::kind) fn plan(
        &mut self,
        observed: Observed,
        allowed: Option<&[Allowed]>,
        fresh: impl FnMut() -> Number,
        now: Instant,
    ) {
        let actions = self.workers.plan(observed, allowed, now);
        self.workers.carry_out(actions, fresh, now);
    }

    fn advance_rollout(&mut self, at: Moment) {
        if let Some(digest) = self.rollout.candidate() {
            let is_stopped = self.lifecycle.stop().is_some();
            let facts = self.workers.facts(digest, is_stopped);
            self.rollout.advance(&facts, at.now, at.clock);
        }
        self.assign();
    }

    /// Returns the demand for the workers of a pool.
    fn demanded(&self, (pool, facts): (usize, PoolFacts), now: Instant) -> Demanded {
        let is_full = || self.workers.room_of(pool).free <= self.reserved(pool);
        let wait = |pin: Option<&str>| -> Option<Duration> {
            let observe = self.lanes.ready_since(Class::Observe, pin);
            let control = self.lanes.ready_since(Class::Control, pin);
            // If workers have room, control waits for permits and not for workers.
            let control = control.filter(|_| self.without_permits || is_full());
            let since = observe.into_iter().chain(control).min()?;
            Some(now.saturating_duration_since(since))
        };
        let wait = |pin| wait(pin).filter(|_| !facts.is_stopped);
        let pinned = wait(Some(facts.version));
        let active = wait(None).filter(|_| facts.is_active);
        let has_control = |pin| self.lanes.ready_since(Class::Control, pin).is_some();
        Demanded {
            wait: pinned.max(active),
            queued: match active {
                Some(_) => self.lanes.ready(),
                None => 0,
            },
            has_control: has_control(Some(facts.version)) || (facts.is_active && has_control(None)),
        }
    }
}
