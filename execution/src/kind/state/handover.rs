//! The way to another program in this process, and back.

use std::time::Duration;

use tokio::time::Instant;
use utakata_model::Class;

use super::{Moment, State};
use crate::{
    kind::attempts::{Attempt, Go, Permit},
    kind::workers::ago,
    takeover::{AttemptLeft, KindLeft, spare},
    worker::Number,
};

impl State {
    /// Advances the handover until everything has left.
    pub(super) fn advance_handover(&mut self, at: Moment) {
        if self.lifecycle.is_settling() {
            self.give_back_waiting(at);
            let is_settled = self.permits.is_empty() && self.attempts.awaiting().next().is_none();
            if is_settled && self.shadows.is_empty() {
                self.lifecycle.on_settled();
            }
        }
        if let Some(until) = self.lifecycle.parts_until() {
            let longest = |number| self.attempts.longest_of(number, at.now);
            self.workers.part(until, longest, at.now);
        }
    }

    /// Expects a worker that was told to return with this token.
    pub(in crate::kind) fn on_parked(&mut self, number: Number, token: String, at: Moment) {
        self.workers.on_parked(number, token, at.now);
    }

    /// Returns true if all that remains has left for the next program.
    pub(in crate::kind) fn has_left(&self) -> bool {
        let is_empty = self.lanes.waiting() == 0 && self.permits.is_empty();
        self.lifecycle.parts_until().is_some() && is_empty && self.workers.have_left()
    }

    /// Returns everything with which another program in this process continues. The pipes of
    /// workers are named by their position.
    pub(in crate::kind) fn leave(&self, now: Instant) -> KindLeft {
        let (next_ask, void) = self.permits.leave();
        let (unrecorded, told) = self.unrecorded.leave();
        let attempt = |attempt: &Attempt| AttemptLeft {
            task: spare(&attempt.task),
            permit: attempt.permit.map(|permit| permit.ask),
            worker: attempt.worker.0,
            waited: attempt.waited,
            ran: now.saturating_duration_since(attempt.begun),
            is_overdue: attempt.is_overdue,
            is_void: attempt.go == Go::Void,
        };
        KindLeft {
            kind: self.kind.clone(),
            next_ask,
            void,
            told,
            unrecorded,
            pools: self.workers.leave(now),
            attempts: self.attempts.all().map(attempt).collect(),
        }
    }

    /// Continues where another program in this process was, that long after it.
    pub(in crate::kind) fn take_over(&mut self, left: &KindLeft, passed: Duration, now: Instant) {
        self.lifecycle.on_taken_over();
        self.permits.take_over(left.next_ask, left.void.clone());
        self.unrecorded
            .take_over(left.unrecorded.clone(), left.told.clone(), now);
        self.workers
            .take_over(&left.pools, &left.attempts, passed, now);
        for attempt in &left.attempts {
            self.take_over_attempt(attempt, passed, now);
        }
    }

    fn take_over_attempt(&mut self, attempt: &AttemptLeft, passed: Duration, now: Instant) {
        let class = attempt.task.class;
        // The lane of an attempt that had its outcome went on without it.
        if !(attempt.is_void || (attempt.is_overdue && class == Class::Observe)) {
            self.lanes.occupy(&attempt.task.target, class);
        }
        self.attempts.begin(Attempt {
            task: attempt.task.clone(),
            permit: attempt.permit.map(|ask| Permit { ask, until: now }),
            worker: Number(attempt.worker),
            waited: attempt.waited,
            begun: ago(now, attempt.ran + passed),
            // It does not wait again.
            expires: now,
            // None was left that waited for its go.
            go: match class {
                Class::Observe => Go::Needless,
                Class::Control if attempt.is_void => Go::Void,
                Class::Control => Go::Given,
            },
            is_overdue: attempt.is_overdue,
            is_adopted: true,
        });
    }
}
