//! From the lane to the permit, and from the permit to the worker.

use jiff::Timestamp;
use tokio::time::Instant;
use utakata_model::{Class, Outcome, OutcomeStatus, Problem};
use utakata_permit::message::{Answer, Recorded, Refused};

use super::State;
use crate::{
    kind::{
        outcome,
        permits::{Asked, Due, Meaning, Permitted},
    },
    pool::lanes::Waiting,
};

/// The share of what workers can take that is kept free for control that is asked for, so that
/// observation goes on while nobody answers: one in so many.
const ASKED_SHARE: usize = 2;

impl State {
    /// Asks for the control whose lanes and workers are free.
    pub(super) fn ask_for(
        &mut self,
        pool: usize,
        pin: Option<&str>,
        now: Instant,
        clock: Timestamp,
    ) {
        for _ in 0..self.may_ask(pool) {
            let Some(waiting) = self.lanes.pop(Class::Control, pin) else {
                return;
            };
            if waiting.expires < now {
                self.expire_popped(waiting, now, clock);
            } else {
                let ask = self.permits.ask(waiting, now);
                self.effects.asks.extend(ask);
            }
        }
    }

    /// How many more asks there may be: never more than workers can take.
    fn may_ask(&self, pool: usize) -> usize {
        let reserved = self.reserved(pool);
        let (free, capacity) = self.pools[pool].room();
        let share = (capacity / ASKED_SHARE).max(1).saturating_sub(reserved);
        let under_way = self.permits.len() + self.attempts.permitted();
        let record = self.unrecorded.room().saturating_sub(under_way);
        free.saturating_sub(reserved).min(share).min(record)
    }

    /// A task that expired in its lane, and was taken out of it.
    pub(super) fn expire_popped(&mut self, waiting: Waiting, now: Instant, clock: Timestamp) {
        let target = waiting.task.target.name.clone();
        let class = waiting.task.class;
        let problem = self.common.expired.clone();
        self.end_waiting(waiting, OutcomeStatus::Expired, problem, now, clock);
        self.lanes.release(&target, class);
    }

    /// The logic environment has answered.
    pub(in crate::kind) fn on_permits(
        &mut self,
        answers: &[Answer],
        now: Instant,
        clock: Timestamp,
    ) {
        for answer in answers {
            match self.permits.on_answer(*answer, now, clock) {
                Meaning::Permitted | Meaning::Nothing => {}
                Meaning::Dropped(why, asked) => {
                    if why == Refused::Taken {
                        // Perhaps by an ask of our own that was given up: if so, its answer
                        // comes again, and is told to be of no use.
                        self.effects.asks.extend(asked.earlier());
                    }
                    self.drop_asked(&asked);
                }
                Meaning::Late(outcome, asked) => {
                    asked.into_iter().for_each(|asked| self.drop_asked(&asked));
                    self.tell(*outcome, now);
                }
            }
        }
        if self.is_closing || self.is_held() {
            self.end_permitted(now, clock);
        }
    }

    /// These outcomes are written down.
    pub(in crate::kind) fn on_recorded(&mut self, attempts: &[Recorded], now: Instant) {
        self.unrecorded.on_recorded(attempts, now);
    }

    /// Asks again for what had no answer, and tells again what is not recorded.
    pub(in crate::kind) fn repeat(&mut self, now: Instant, clock: Timestamp) {
        for due in self.permits.due(now, clock) {
            self.ask_again(&due, now, clock);
        }
        let again = self.unrecorded.take_due(now);
        self.effects.outcomes.extend(again);
    }

    fn ask_again(&mut self, due: &Due, now: Instant, clock: Timestamp) {
        if let Some(target) = &due.lane {
            self.lanes.step_back(target);
        }
        let is_expired = due.expires < now;
        if !due.is_anew || !(is_expired || self.takes_nothing()) {
            self.effects.asks.push(due.ask);
            return;
        }
        let Some(asked) = self.permits.give_up(due.ask.key, now, clock) else {
            return;
        };
        if is_expired {
            let target = asked.waiting.task.target.name.clone();
            let problem = self.common.expired.clone();
            self.end_waiting(asked.waiting, OutcomeStatus::Expired, problem, now, clock);
            self.let_go(&target, asked.has_lane);
        } else {
            self.effects.give_back.extend(asked.waiting.tag);
            self.let_go(&asked.waiting.task.target.name, asked.has_lane);
        }
    }

    /// Begins what is permitted, before everything else.
    pub(super) fn begin_permitted(&mut self, now: Instant, clock: Timestamp) {
        for mut permitted in self.permits.take_permitted() {
            if let Some(problem) = self.too_late(&permitted, now) {
                self.end_permit(permitted, problem, now, clock);
                continue;
            }
            let target = &permitted.waiting.task.target;
            permitted.has_lane = permitted.has_lane || self.lanes.step_in(&target.name);
            let worker = self.worker_for(target.pin.as_deref());
            match worker.filter(|_| permitted.has_lane) {
                Some((pool, number)) => {
                    self.permits.free(&permitted.waiting);
                    self.begin_one(pool, number, permitted.waiting, Some(permitted.permit), now);
                }
                None => self.permits.wait_on(permitted),
            }
        }
    }

    fn too_late(&self, permitted: &Permitted, now: Instant) -> Option<Problem> {
        if now > permitted.permit.until {
            return Some(self.permits.late());
        }
        let is_expired = permitted.waiting.expires < now;
        is_expired.then(|| self.common.expired.clone())
    }

    /// What is permitted will not begin here any more: that is certain, and is told.
    pub(super) fn end_permitted(&mut self, now: Instant, clock: Timestamp) {
        for permitted in self.permits.take_permitted() {
            let problem = self.common.stopped.clone();
            self.end_permit(permitted, problem, now, clock);
        }
    }

    fn end_permit(
        &mut self,
        permitted: Permitted,
        problem: Problem,
        now: Instant,
        clock: Timestamp,
    ) {
        let Permitted {
            waiting,
            permit,
            has_lane,
        } = permitted;
        self.permits.free(&waiting);
        self.effects.acknowledge.extend(waiting.tag);
        self.let_go(&waiting.task.target.name, has_lane);
        let waited = now.saturating_duration_since(waiting.since);
        let status = OutcomeStatus::Expired;
        let outcome = outcome::not_begun(waiting.task, status, problem, waited, clock);
        let outcome = Outcome {
            permit: Some(permit.ask),
            ..outcome
        };
        self.tell(outcome, now);
    }

    /// The delivery of an attempt is void.
    fn drop_asked(&mut self, asked: &Asked) {
        self.effects.acknowledge.extend(asked.waiting.tag);
        self.let_go(&asked.waiting.task.target.name, asked.has_lane);
    }

    /// Control that did not begin does not hold its lane any more.
    pub(super) fn let_go(&mut self, target: &utakata_model::TargetName, has_lane: bool) {
        if has_lane {
            self.lanes.release(target, Class::Control);
        } else {
            self.lanes.leave(target);
        }
    }
}
