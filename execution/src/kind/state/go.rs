//! From a worker that is ready to the go on which it begins control.
//!
//! A go is given while the permit stands, and states for how long it still does; the worker counts
//! that from before it reported ready. However long anybody stood still in between, nothing begins
//! after the end of its permit.

use utakata_model::{Outcome, OutcomeStatus, Problem, TaskKey};
use utakata_protocol::v1::{self, to_worker::Message};

use super::{Moment, State};
use crate::{
    kind::attempts::{Attempt, NoGo},
    kind::outcome,
    worker::Number,
};

impl State {
    /// Gives goes to a worker that could begin these, each with the nonce to repeat.
    pub(super) fn on_can_begin(&mut self, number: Number, ready: Vec<(TaskKey, u64)>, at: Moment) {
        self.workers.on_alive(number, at.now);
        let (mut attempts, mut late, mut nothing) = (Vec::new(), Vec::new(), Vec::new());
        for (key, nonce) in ready {
            match self.attempts.give_go(key, number, at.now) {
                Ok(within) => attempts.push(v1::GoAttempt {
                    id: key.task.as_bytes().to_vec(),
                    attempt: key.attempt,
                    nonce,
                    within_milliseconds: u64::try_from(within.as_millis()).unwrap_or(u64::MAX),
                }),
                Err(NoGo::Late) => late.push(key),
                Err(NoGo::Nothing) => nothing.push(key),
            }
        }
        if !attempts.is_empty() {
            self.workers.send(number, Message::Go(v1::Go { attempts }));
        }
        self.end_late(late, at);
        self.cancel(number, &nothing);
    }

    /// Ends the attempts that wait for a go beyond their permits: they never get one.
    pub(super) fn end_late_go(&mut self, at: Moment) {
        let late = self.attempts.late(at.now);
        self.end_late(late, at);
    }

    /// Reacts to this process, or its machine, having stood still for an unknown time: permitted
    /// tasks that have not begun are for others.
    pub(in crate::kind) fn on_stood_still(&mut self, at: Moment) {
        self.give_back_requests(at);
        self.end_permitted(at);
        let awaiting = self.attempts.awaiting().map(|a| a.task.key()).collect();
        self.end_late(awaiting, at);
    }

    /// Ends attempts that never get their go.
    pub(super) fn end_late(&mut self, keys: Vec<TaskKey>, at: Moment) {
        for key in keys {
            if let Some(worker) = self.end_unbegun(key, outcome::late(), at) {
                self.cancel(worker, &[key]);
            }
        }
    }

    /// Ends an attempt without a go, which never gets one: it is reported as not begun. Returns its
    /// worker.
    fn end_unbegun(&mut self, key: TaskKey, problem: Problem, at: Moment) -> Option<Number> {
        let attempt = self.attempts.make_void(key)?;
        let (worker, class) = (attempt.worker, attempt.task.class);
        let target = attempt.task.target.name.clone();
        let outcome = unbegun(attempt, problem, at);
        self.lanes.release(&target, class);
        self.tell(outcome, at.now);
        Some(worker)
    }

    /// Tells a worker that it need not wait for these any more.
    pub(super) fn cancel(&mut self, number: Number, keys: &[TaskKey]) {
        if !keys.is_empty() {
            let tasks = keys.iter().map(|key| (*key).into()).collect();
            self.workers
                .send(number, Message::Cancel(v1::Cancel { tasks }));
        }
    }
}

/// Returns the outcome of an attempt that a worker had without a go.
pub(super) fn unbegun(attempt: &Attempt, problem: Problem, at: Moment) -> Outcome {
    let waited = attempt.waited + at.now.saturating_duration_since(attempt.begun);
    let task = attempt.task.clone();
    let outcome = outcome::not_begun(task, OutcomeStatus::Expired, problem, waited, at.clock);
    Outcome {
        permit: attempt.permit.map(|permit| permit.ask),
        ..outcome
    }
}
