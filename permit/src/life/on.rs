//! The transitions of a life: turns, asks, time, people.

use std::time::Duration;

use tokio::time::Instant;
use utakata_model::{Incarnation, manifest::Repeat};

use super::{Action, By, Event, Holder, How, Life, Rule, Settlement, Stage, ended};
use crate::message::{Refused, Verdict};

impl Life {
    /// Returns the life after an event, and the actions to take.
    pub fn on(self, event: &Event, rule: &Rule, now: Instant) -> (Self, Vec<Action>) {
        if self.has_ended() && !matches!(event, Event::Ask { .. }) {
            return (self, Vec::new());
        }
        match event {
            Event::Release => self.on_release(rule, now),
            Event::Recall => (self.on_recall(), Vec::new()),
            Event::Ask { attempt, holder } => self.on_ask(*attempt, holder, rule, now),
            Event::Outcome {
                attempt,
                holder,
                status,
                is_over,
            } => {
                let told = (*status, *is_over);
                self.on_outcome(*attempt, holder.as_ref(), told, rule, now)
            }
            Event::Gone { incarnation } => (self.on_gone(*incarnation, rule), Vec::new()),
            Event::Over { incarnation } => (self.on_over(*incarnation, rule, now), Vec::new()),
            Event::Observed(observation) => (self.on_observed(*observation, rule, now), Vec::new()),
            Event::Overtaken => (self.on_overtaken(), Vec::new()),
            Event::Settle(settlement) => (self.on_settlement(*settlement, now), Vec::new()),
            Event::Cancel => self.on_cancel(rule, now),
            Event::Tick => self.on_tick(rule, now),
        }
    }

    fn on_release(mut self, rule: &Rule, now: Instant) -> (Self, Vec<Action>) {
        if self.stage != Stage::Planned || now >= self.expires {
            return (self, Vec::new());
        }
        self.stage = Stage::Queued {
            again: now + rule.publish_again,
            times: 1,
        };
        (self, vec![Action::Publish])
    }

    fn on_recall(mut self) -> Self {
        if matches!(self.stage, Stage::Queued { .. }) {
            self.stage = Stage::Planned;
        }
        self
    }

    fn on_ask(
        mut self,
        attempt: u32,
        asker: &Holder,
        rule: &Rule,
        now: Instant,
    ) -> (Self, Vec<Action>) {
        let verdict = match &self.stage {
            Stage::Ended(_) => Verdict::Refused(Refused::Ended),
            _ if attempt != self.attempt => Verdict::Refused(Refused::Superseded),
            Stage::Planned => Verdict::Refused(Refused::Recalled),
            Stage::Queued { .. } if now >= self.expires => Verdict::Refused(Refused::Ended),
            Stage::Queued { .. } => Verdict::Permitted(self.window(rule, now)),
            // Its answer was lost: the permit is repeated, and not extended.
            Stage::Permitted { holder, acts_until } if holder == asker => {
                let permitted = acts_until.checked_sub(rule.acts_for).unwrap_or(now);
                Verdict::Permitted(self.window(rule, permitted))
            }
            _ => Verdict::Refused(Refused::Taken),
        };
        if matches!(self.stage, Stage::Queued { .. }) && matches!(verdict, Verdict::Permitted(_)) {
            self.stage = Stage::Permitted {
                holder: asker.clone(),
                acts_until: now + rule.acts_for,
            };
        }
        (self, vec![Action::Answer(verdict)])
    }

    /// Returns the window of a permit given at that time. It ends with the task at the latest: what
    /// is permitted in its last moment does not begin after it.
    fn window(&self, rule: &Rule, permitted: Instant) -> Duration {
        let left = self.expires.saturating_duration_since(permitted);
        rule.window.min(left)
    }

    fn on_gone(mut self, gone: Incarnation, rule: &Rule) -> Self {
        if let Stage::Permitted { holder, acts_until } = &self.stage
            && holder.incarnation == gone
        {
            self.stage = Stage::Fenced {
                holder: holder.clone(),
                until: *acts_until + rule.settling,
            };
        }
        self
    }

    fn on_over(self, over: Incarnation, rule: &Rule, now: Instant) -> Self {
        let is_its = self.holder().is_some_and(|its| its.incarnation == over);
        if is_its { self.prove(rule, now) } else { self }
    }

    /// Records that nobody acts on the current attempt from now on. Earlier observations prove
    /// nothing: the attempt might have acted since.
    pub(super) fn prove(mut self, rule: &Rule, now: Instant) -> Self {
        if self.is_over {
            return self;
        }
        match &self.stage {
            Stage::Permitted { holder, .. }
            | Stage::Fenced { holder, .. }
            | Stage::ReadingBack { holder, .. } => {
                self.is_over = true;
                self.stage = Stage::Fenced {
                    holder: holder.clone(),
                    until: now + rule.settling,
                };
            }
            Stage::Unsettled {
                holder: Some(_), ..
            } => {
                self.is_over = true;
                return self.late_from(now + rule.settling);
            }
            Stage::Planned
            | Stage::Queued { .. }
            | Stage::Verifying { .. }
            | Stage::Unsettled { holder: None, .. }
            | Stage::Ended(_) => {}
        }
        self
    }

    fn on_settlement(mut self, settlement: Settlement, now: Instant) -> Self {
        if self.may_settle().is_err() {
            return self;
        }
        match settlement {
            Settlement::Succeeded => self.stage = ended(How::Succeeded, By::Person),
            Settlement::Failed => self.stage = ended(How::Failed, By::Person),
            Settlement::Again { expires } => {
                self.expires = expires.max(now);
                self.is_cancelled = false;
                self = self.next_attempt();
                self.is_in_doubt = true;
            }
        }
        self
    }

    fn on_cancel(mut self, rule: &Rule, now: Instant) -> (Self, Vec<Action>) {
        self.is_cancelled = true;
        if matches!(self.stage, Stage::Planned | Stage::Queued { .. }) {
            return self.undone(How::Cancelled, By::Cancel, rule, now);
        }
        (self, Vec::new())
    }

    fn on_tick(mut self, rule: &Rule, now: Instant) -> (Self, Vec<Action>) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return (self, Vec::new());
        }
        match self.stage {
            Stage::Planned | Stage::Queued { .. } if now >= self.expires => {
                return self.undone(How::Expired, By::Time, rule, now);
            }
            Stage::Queued { times, .. } => {
                self.stage = Stage::Queued {
                    again: now + rule.publish_again * 2u32.saturating_pow(times.min(6)),
                    times: times.saturating_add(1),
                };
                return (self, vec![Action::Publish]);
            }
            Stage::Permitted { holder, acts_until } => {
                self.stage = Stage::Fenced {
                    holder,
                    until: acts_until + rule.settling,
                };
                return self.on_tick(rule, now);
            }
            Stage::Fenced { ref holder, .. } => {
                let holder = holder.clone();
                return self.after_fence(holder, rule, now);
            }
            // The worker's word is no proof here: it may be wrong.
            Stage::Verifying { .. } | Stage::ReadingBack { .. } => {
                return self.unanswered(rule, now);
            }
            Stage::Unsettled {
                late: Some(late), ..
            } => return self.again_late(late, rule, now),
            Stage::Planned | Stage::Unsettled { .. } | Stage::Ended(_) => {}
        }
        (self, Vec::new())
    }

    /// Moves on from the fence: nobody acts any more and nobody knows the outcome, so the manifest
    /// decides.
    fn after_fence(mut self, holder: Holder, rule: &Rule, now: Instant) -> (Self, Vec<Action>) {
        if rule.repeat == Repeat::Repeatable && self.may_try_again(rule, now) {
            self.is_in_doubt = true;
            return (self.next_attempt(), Vec::new());
        }
        self.read_back(holder, rule, now)
    }
}
