//! From the lane to the permit, and from the permit to the worker.

use utakata_invariant as invariant;
use utakata_model::{Class, Outcome, OutcomeStatus, Problem, TargetName};
use utakata_permit::message::{Answer, Recorded, Refused};

use super::{Moment, State};
use crate::kind::{
    outcome,
    permits::{Due, Meaning, Permitted, Request},
};

/// The divisor for the share of the workers' capacity that asks may take, so that observation
/// continues while nobody answers.
const ASKED_SHARE: usize = 2;

impl State {
    /// Asks for control whose lanes and workers are free.
    pub(super) fn ask_for(&mut self, pool: usize, pin: Option<&str>, at: Moment) {
        for _ in 0..self.may_ask(pool) {
            let Some(waiting) = self.lanes.pop(Class::Control, pin) else {
                return;
            };
            if waiting.expires < at.now {
                self.expire_popped(waiting, at);
            } else {
                let ask = self.permits.ask(waiting, at.now);
                self.effects.asks.extend(ask);
            }
        }
    }

    /// Returns the number of asks that may be added: never more than workers can take.
    fn may_ask(&self, pool: usize) -> usize {
        let reserved = self.reserved(pool);
        let room = self.workers.room_of(pool);
        let share = (room.capacity / ASKED_SHARE)
            .max(1)
            .saturating_sub(reserved);
        let under_way = self.permits.len() + self.attempts.permitted();
        let record = self.unrecorded.room().saturating_sub(under_way);
        room.free.saturating_sub(reserved).min(share).min(record)
    }

    /// Applies answers of the logic environment.
    pub(in crate::kind) fn on_permits(&mut self, answers: &[Answer], at: Moment) {
        for answer in answers {
            match self.permits.on_answer(*answer, at.now, at.clock) {
                Meaning::Permitted | Meaning::Nothing => {}
                Meaning::Dropped(why, asked) => {
                    if why == Refused::Taken {
                        // It may be permitted by an ask of our own that was given up: if so, that
                        // answer arrives again, and is reported to be of no use.
                        self.effects.asks.extend(asked.earlier());
                    }
                    self.drop_request(&asked);
                }
                Meaning::Late(outcome, asked) => {
                    asked
                        .into_iter()
                        .for_each(|asked| self.drop_request(&asked));
                    self.tell(*outcome, at.now);
                }
            }
        }
        if self.lifecycle.is_closing() || self.is_stopped() {
            self.end_permitted(at);
        }
    }

    /// Forgets recorded outcomes.
    pub(in crate::kind) fn on_recorded(&mut self, attempts: &[Recorded], at: Moment) {
        self.unrecorded.on_recorded(attempts, at.now);
    }

    /// Repeats asks without an answer, and outcomes that are not recorded.
    pub(in crate::kind) fn repeat(&mut self, at: Moment) {
        for due in self.permits.due(at.now, at.clock) {
            self.ask_again(&due, at);
        }
        let again = self.unrecorded.take_due(at.now);
        self.effects.outcomes.extend(again);
    }

    fn ask_again(&mut self, due: &Due, at: Moment) {
        if let Some(target) = &due.lane {
            self.lanes.step_back(target);
        }
        let is_expired = due.expires < at.now;
        if !due.is_anew || !(is_expired || self.takes_nothing()) {
            self.effects.asks.push(due.ask);
            return;
        }
        let Some(asked) = self.permits.give_up(due.ask.key, at.now, at.clock) else {
            return invariant::broken("an ask that is due has no task", &due.ask.key);
        };
        if is_expired {
            let target = asked.waiting.task.target.name.clone();
            let problem = outcome::expired();
            self.end_waiting(asked.waiting, OutcomeStatus::Expired, problem, at);
            self.let_go(&target, asked.has_lane);
        } else {
            self.give_back(asked);
        }
    }

    /// Begins permitted tasks, before everything else.
    pub(super) fn begin_permitted(&mut self, at: Moment) {
        for mut permitted in self.permits.take_permitted() {
            if let Some(problem) = too_late(&permitted, at) {
                self.end_permit(permitted, problem, at);
                continue;
            }
            let target = &permitted.waiting.task.target;
            permitted.has_lane = permitted.has_lane || self.lanes.step_in(&target.name);
            let worker = self.worker_for(target.pin.as_deref());
            match worker.filter(|_| permitted.has_lane) {
                Some((pool, number)) => {
                    self.permits.free(&permitted.waiting);
                    self.begin_one(pool, number, permitted.waiting, Some(permitted.permit), at);
                }
                None => self.permits.wait_on(permitted),
            }
        }
    }

    /// Ends all permitted tasks: they certainly do not begin here, which is reported.
    pub(super) fn end_permitted(&mut self, at: Moment) {
        for permitted in self.permits.take_permitted() {
            self.end_permit(permitted, outcome::stopped(), at);
        }
    }

    fn end_permit(&mut self, permitted: Permitted, problem: Problem, at: Moment) {
        let Permitted {
            waiting,
            permit,
            has_lane,
        } = permitted;
        self.permits.free(&waiting);
        self.effects.acknowledge.extend(waiting.tag);
        self.let_go(&waiting.task.target.name, has_lane);
        let waited = at.now.saturating_duration_since(waiting.since);
        let status = OutcomeStatus::Expired;
        let outcome = outcome::not_begun(waiting.task, status, problem, waited, at.clock);
        let outcome = Outcome {
            permit: Some(permit.ask),
            ..outcome
        };
        self.tell(outcome, at.now);
    }

    /// Drops a delivery that is void.
    fn drop_request(&mut self, asked: &Request) {
        self.effects.acknowledge.extend(asked.waiting.tag);
        self.let_go(&asked.waiting.task.target.name, asked.has_lane);
    }

    /// Gives back everything that is asked for: a permit that still comes is of no use.
    pub(super) fn give_back_requests(&mut self, at: Moment) {
        for asked in self.permits.give_up_all(at.now, at.clock) {
            self.give_back(asked);
        }
    }

    #[allow(clippy::needless_pass_by_value, reason = "it is no longer wanted")]
    fn give_back(&mut self, asked: Request) {
        self.effects.give_back.extend(asked.waiting.tag);
        self.let_go(&asked.waiting.task.target.name, asked.has_lane);
    }

    /// Releases the lane of control that did not begin.
    fn let_go(&mut self, target: &TargetName, has_lane: bool) {
        if has_lane {
            self.lanes.release(target, Class::Control);
        } else {
            self.lanes.leave(target);
        }
    }
}

fn too_late(permitted: &Permitted, at: Moment) -> Option<Problem> {
    if at.now > permitted.permit.until {
        return Some(outcome::late());
    }
    let is_expired = permitted.waiting.expires < at.now;
    is_expired.then(outcome::expired)
}
