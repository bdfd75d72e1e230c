//! What becomes of a life when an environment or the target tells what it knows.

use tokio::time::Instant;
use utakata_model::{OutcomeStatus, manifest::Repeat};

use super::{Action, By, Evidence, Holder, How, Life, Rule, Stage, ended};

impl Life {
    pub(super) fn on_outcome(
        self,
        attempt: u32,
        from: Option<&Holder>,
        (status, is_over): (OutcomeStatus, bool),
        rule: &Rule,
        now: Instant,
    ) -> (Self, Vec<Action>) {
        if attempt != self.attempt {
            return (self, Vec::new());
        }
        match &self.stage {
            Stage::Queued { .. } if from.is_none() => self.on_not_begun(status, rule, now),
            _ if from.is_none() || from != self.holder() => (self, Vec::new()),
            _ if status == OutcomeStatus::Unknown && is_over => {
                let is_permitted = matches!(self.stage, Stage::Permitted { .. });
                if is_permitted || !self.is_over {
                    return (self.prove(rule, now), Vec::new());
                }
                (self, Vec::new())
            }
            Stage::Permitted { holder, acts_until } => {
                let (holder, until) = (holder.clone(), *acts_until + rule.settling);
                self.on_told(status, holder, until, rule, now)
            }
            Stage::Fenced { holder, until } => {
                let (holder, until) = (holder.clone(), *until);
                self.on_told(status, holder, until, rule, now)
            }
            Stage::ReadingBack { holder, .. } if status != OutcomeStatus::Unknown => {
                let holder = holder.clone();
                self.on_told(status, holder, now, rule, now)
            }
            Stage::Unsettled { .. } => self.on_told_late(status, rule, now),
            _ => (self, Vec::new()),
        }
    }

    /// The holder of the permit says how the attempt ended.
    fn on_told(
        mut self,
        status: OutcomeStatus,
        holder: Holder,
        fenced_until: Instant,
        rule: &Rule,
        now: Instant,
    ) -> (Self, Vec<Action>) {
        match status {
            OutcomeStatus::Succeeded if rule.read_back.is_some() => self.verify(holder, rule, now),
            OutcomeStatus::Succeeded => {
                self.stage = ended(How::Succeeded, By::Outcome);
                (self, Vec::new())
            }
            OutcomeStatus::Failed => self.undone(How::Failed, By::Outcome, rule, now),
            OutcomeStatus::Cancelled => self.undone(How::Cancelled, By::Outcome, rule, now),
            OutcomeStatus::Expired => self.nothing_happened(By::Outcome, rule, now),
            OutcomeStatus::Unknown => {
                self.stage = Stage::Fenced {
                    holder,
                    until: fenced_until,
                };
                (self, Vec::new())
            }
        }
    }

    /// The same when a person was already asked. The target has been free since then: what it
    /// shows now may be the work of others, so the outcome alone counts; and a success that was
    /// to be read back, and was not, stays with the person.
    fn on_told_late(
        mut self,
        status: OutcomeStatus,
        rule: &Rule,
        now: Instant,
    ) -> (Self, Vec<Action>) {
        match status {
            OutcomeStatus::Succeeded if rule.read_back.is_none() => {
                self.stage = ended(How::Succeeded, By::Outcome);
                (self, Vec::new())
            }
            OutcomeStatus::Failed => self.undone(How::Failed, By::Outcome, rule, now),
            OutcomeStatus::Cancelled => self.undone(How::Cancelled, By::Outcome, rule, now),
            OutcomeStatus::Expired => self.nothing_happened(By::Outcome, rule, now),
            OutcomeStatus::Succeeded | OutcomeStatus::Unknown => (self, Vec::new()),
        }
    }

    pub(super) fn verify(
        mut self,
        holder: Holder,
        rule: &Rule,
        now: Instant,
    ) -> (Self, Vec<Action>) {
        let shows_from = now + rule.looks_for();
        self.stage = Stage::Verifying {
            holder,
            since: now,
            shows_from,
            until: shows_from + rule.read_back_within,
            shown: Evidence::None,
            passed: None,
        };
        (self, vec![Action::ReadBack])
    }

    /// An environment says why it did not even ask.
    fn on_not_begun(self, status: OutcomeStatus, rule: &Rule, now: Instant) -> (Self, Vec<Action>) {
        let how = match status {
            OutcomeStatus::Failed => How::Failed,
            OutcomeStatus::Expired => How::Expired,
            OutcomeStatus::Cancelled => How::Cancelled,
            // Without a permit nothing can have been done: whoever says so is not believed.
            OutcomeStatus::Succeeded | OutcomeStatus::Unknown => return (self, Vec::new()),
        };
        self.undone(how, By::Outcome, rule, now)
    }

    pub(super) fn on_seen(
        mut self,
        (asked, answered): (Instant, Instant),
        evidence: Evidence,
        rule: &Rule,
        now: Instant,
    ) -> Self {
        match (&self.stage, evidence) {
            (Stage::Verifying { since, .. } | Stage::ReadingBack { since, .. }, _)
                if asked < *since => {}
            (Stage::Verifying { .. }, evidence) => {
                return self.on_looked((asked, answered), evidence, rule, now);
            }
            // What must pass through something may show the effect before it has begun.
            (Stage::ReadingBack { .. }, Evidence::Effect)
                if rule.proves_effect() && !rule.is_through() =>
            {
                self.stage = ended(How::Succeeded, By::ReadBack);
            }
            // Nothing was done, so far: who has the permit may have stood still, and go on.
            (Stage::ReadingBack { .. }, Evidence::Other)
                if rule.proves_absence() && !self.may_follow(rule) => {}
            (Stage::ReadingBack { .. }, Evidence::Other) if rule.proves_absence() => {
                self.is_in_doubt = false;
                return self.nothing_happened(By::ReadBack, rule, now).0;
            }
            (
                Stage::ReadingBack { holder, .. },
                Evidence::Effect | Evidence::Passing | Evidence::Other,
            ) => {
                self.stage = Stage::Unsettled {
                    holder: Some(holder.clone()),
                };
            }
            _ => {}
        }
        self
    }

    /// A target that said that it did it was looked at.
    fn on_looked(
        mut self,
        (asked, answered): (Instant, Instant),
        evidence: Evidence,
        rule: &Rule,
        now: Instant,
    ) -> Self {
        let Stage::Verifying {
            holder,
            shows_from,
            shown,
            passed,
            ..
        } = &mut self.stage
        else {
            return self;
        };
        let is_effect = evidence == Evidence::Effect;
        if is_effect && (!rule.is_through() || passed.is_some_and(|at| asked >= at)) {
            self.stage = ended(How::Succeeded, By::ReadBack);
            return self;
        }
        if evidence == Evidence::None {
            return self;
        }
        *shown = evidence;
        if evidence == Evidence::Passing && passed.is_none() {
            *passed = Some(answered);
        }
        if asked < *shows_from {
            return self;
        }
        // The time is over. That another value proves it undone is for the action to say.
        if rule.proves_absence() && evidence == Evidence::Other {
            self.is_in_doubt = false;
            return self.undone(How::Failed, By::ReadBack, rule, now).0;
        }
        self.stage = Stage::Unsettled {
            holder: Some(holder.clone()),
        };
        self
    }

    /// Whether another attempt may follow this one, when nothing of it is seen.
    fn may_follow(&self, rule: &Rule) -> bool {
        let is_over = self.is_over || cfg!(feature = "presumed-is-proven");
        is_over || rule.repeat == Repeat::Repeatable
    }

    /// It is certain that the current attempt did nothing, and never will.
    fn nothing_happened(self, by: By, rule: &Rule, now: Instant) -> (Self, Vec<Action>) {
        if self.may_try_again(rule, now) {
            (self.next_attempt(), Vec::new())
        } else if self.is_cancelled {
            self.undone(How::Cancelled, By::Cancel, rule, now)
        } else if now >= self.expires {
            self.undone(How::Expired, By::Time, rule, now)
        } else {
            self.undone(How::Failed, by, rule, now)
        }
    }

    /// The current attempt did nothing, and there will be no other. That ends the task, unless
    /// an earlier attempt may have done it: then it is as unknown as that one.
    pub(super) fn undone(
        mut self,
        how: How,
        by: By,
        rule: &Rule,
        now: Instant,
    ) -> (Self, Vec<Action>) {
        if !self.is_in_doubt {
            self.stage = ended(how, by);
            return (self, Vec::new());
        }
        match &self.stage {
            Stage::Permitted { holder, .. } | Stage::Fenced { holder, .. } => {
                let holder = holder.clone();
                self.is_over = true;
                self.read_back(holder, rule, now)
            }
            // It does not hold its target: what that shows may be the work of others.
            Stage::Planned | Stage::Queued { .. } => {
                self.stage = Stage::Unsettled { holder: None };
                (self, Vec::new())
            }
            Stage::Verifying { holder, .. } => {
                let holder = Some(holder.clone());
                self.stage = Stage::Unsettled { holder };
                (self, Vec::new())
            }
            Stage::ReadingBack { .. } | Stage::Unsettled { .. } | Stage::Ended(_) => {
                (self, Vec::new())
            }
        }
    }
}
