//! From a worker that is ready to the go on which it begins control.
//!
//! A go is given while the permit stands, and says for how long that still does; the worker
//! counts that from before it said that it is ready. So however long anybody stood still in
//! between, nothing begins after the end of its permit.

use jiff::Timestamp;
use tokio::time::Instant;
use utakata_model::{Outcome, OutcomeStatus, Problem, TaskKey};
use utakata_protocol::v1::{self, to_worker::Message};

use super::{Send, State};
use crate::{
    kind::outcome,
    pool::attempts::{Attempt, NoGo},
    worker::Number,
};

impl State {
    /// A worker says that it could begin these, each with the number that a go repeats.
    pub(in crate::kind) fn on_can_begin(
        &mut self,
        number: Number,
        ready: Vec<(TaskKey, u64)>,
        now: Instant,
        clock: Timestamp,
    ) {
        if let Some(worker) = self.worker(number) {
            worker.hear(now);
        }
        let (mut attempts, mut late, mut nothing) = (Vec::new(), Vec::new(), Vec::new());
        for (key, nonce) in ready {
            match self.attempts.give_go(key, number, now) {
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
            self.say(number, Message::Go(v1::Go { attempts }));
        }
        self.end_late(late, now, clock);
        self.take_from(number, &nothing);
    }

    /// What waits for a go beyond its permit never gets one.
    pub(super) fn end_late_go(&mut self, now: Instant, clock: Timestamp) {
        let late = self.attempts.late(now);
        self.end_late(late, now, clock);
    }

    /// This process, or its machine, stood still, and nobody can say for how long: what it was
    /// permitted and has not begun is for others.
    pub(in crate::kind) fn was_away(&mut self, now: Instant, clock: Timestamp) {
        for asked in self.permits.give_up_all(now, clock) {
            self.effects.give_back.extend(asked.waiting.tag);
            self.let_go(&asked.waiting.task.target.name, asked.has_lane);
        }
        self.end_permitted(now, clock);
        let awaiting = self.attempts.awaiting().map(|a| a.task.key()).collect();
        self.end_late(awaiting, now, clock);
    }

    /// These never get their go.
    pub(super) fn end_late(&mut self, keys: Vec<TaskKey>, now: Instant, clock: Timestamp) {
        for key in keys {
            let problem = self.permits.late();
            if let Some(worker) = self.end_unbegun(key, problem, now, clock) {
                self.take_from(worker, &[key]);
            }
        }
    }

    /// An attempt that has no go never gets one: it did not begin, which is told. Whose it was.
    fn end_unbegun(
        &mut self,
        key: TaskKey,
        problem: Problem,
        now: Instant,
        clock: Timestamp,
    ) -> Option<Number> {
        let attempt = self.attempts.make_void(key)?;
        let (worker, class) = (attempt.worker, attempt.task.class);
        let target = attempt.task.target.name.clone();
        let outcome = unbegun(attempt, problem, now, clock);
        self.lanes.release(&target, class);
        self.tell(outcome, now);
        Some(worker)
    }

    /// A worker need not wait for a go for these any more.
    fn take_from(&mut self, number: Number, keys: &[TaskKey]) {
        if !keys.is_empty() {
            let tasks = keys.iter().map(|key| (*key).into()).collect();
            self.say(number, Message::Cancel(v1::Cancel { tasks }));
        }
    }

    fn say(&mut self, number: Number, message: Message) {
        let line = self.worker(number).and_then(|worker| worker.line.clone());
        self.effects.sends.extend(line.map(|line| Send {
            worker: number,
            line,
            message,
        }));
    }
}

/// The outcome of an attempt that a worker had, and for which it had no go.
pub(super) fn unbegun(
    attempt: &Attempt,
    problem: Problem,
    now: Instant,
    clock: Timestamp,
) -> Outcome {
    let waited = attempt.waited + now.saturating_duration_since(attempt.begun);
    let task = attempt.task.clone();
    let outcome = outcome::not_begun(task, OutcomeStatus::Expired, problem, waited, clock);
    Outcome {
        permit: attempt.permit.map(|permit| permit.ask),
        ..outcome
    }
}
