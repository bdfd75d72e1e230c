//! Outcomes of attempts, from the holder of the permit or from anybody else.

use tokio::time::Instant;
use utakata_model::OutcomeStatus;

use super::{Action, By, Holder, How, Life, Rule, Stage, ended};

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
                self.on_outcome_of_holder(status, holder, until, rule, now)
            }
            Stage::Fenced { holder, until } => {
                let (holder, until) = (holder.clone(), *until);
                self.on_outcome_of_holder(status, holder, until, rule, now)
            }
            Stage::ReadingBack { holder, .. } if status != OutcomeStatus::Unknown => {
                let holder = holder.clone();
                self.on_outcome_of_holder(status, holder, now, rule, now)
            }
            Stage::Unsettled { .. } => self.on_late_outcome(status, rule, now),
            _ => (self, Vec::new()),
        }
    }

    /// Applies the outcome that the holder of the permit reports.
    fn on_outcome_of_holder(
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

    /// Applies an outcome that arrives after a person was asked. The target has been free since,
    /// and may show the work of others, so only the outcome counts; a success that should have been
    /// read back, and was not, stays with the person.
    fn on_late_outcome(
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

    /// Applies the reason why an environment did not even ask.
    fn on_not_begun(self, status: OutcomeStatus, rule: &Rule, now: Instant) -> (Self, Vec<Action>) {
        let how = match status {
            OutcomeStatus::Failed => How::Failed,
            OutcomeStatus::Expired => How::Expired,
            OutcomeStatus::Cancelled => How::Cancelled,
            // Nothing can have been done without a permit: such a report is not believed.
            OutcomeStatus::Succeeded | OutcomeStatus::Unknown => return (self, Vec::new()),
        };
        self.undone(how, By::Outcome, rule, now)
    }
}
