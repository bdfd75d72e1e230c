//! The end of an attempt that did nothing: another attempt, or the end of the task.

use tokio::time::Instant;
use utakata_model::manifest::Repeat;

use super::{Action, By, How, Life, Rule, Stage, ended};

impl Life {
    pub(super) fn next_attempt(mut self) -> Self {
        self.attempt += 1;
        self.is_over = false;
        self.stage = Stage::Planned;
        self
    }

    pub(super) fn may_try_again(&self, rule: &Rule, now: Instant) -> bool {
        !self.is_cancelled && now < self.expires && self.attempt < rule.max_attempts
    }

    /// Returns true if another attempt may follow this one, provided that this one left no trace.
    pub(super) fn may_follow(&self, rule: &Rule) -> bool {
        let is_over = self.is_over || cfg!(feature = "presumed-is-proven");
        is_over || rule.repeat == Repeat::Repeatable
    }

    /// Ends an attempt that certainly did nothing and never will: by another attempt, or with the
    /// task.
    pub(super) fn nothing_happened(self, by: By, rule: &Rule, now: Instant) -> (Self, Vec<Action>) {
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

    /// Ends an attempt that did nothing and will not be followed by another. The task ends with it,
    /// unless an earlier attempt may have taken effect: then its outcome is as unknown as that
    /// one's.
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
            // It does not hold its target, which may show the work of others.
            Stage::Planned | Stage::Queued { .. } => {
                self.stage = Stage::Unsettled {
                    holder: None,
                    late: None,
                };
                (self, Vec::new())
            }
            Stage::Verifying { holder, .. } => {
                let holder = Some(holder.clone());
                self.stage = Stage::Unsettled { holder, late: None };
                (self, Vec::new())
            }
            Stage::ReadingBack { .. } | Stage::Unsettled { .. } | Stage::Ended(_) => {
                (self, Vec::new())
            }
        }
    }
}
