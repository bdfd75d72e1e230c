//! Reading a target back after its task was left to a person, because it could not be asked in time.

use tokio::time::Instant;

use super::{Action, By, Evidence, How, Life, Rule, Stage, ended};

/// A late read-back: the target did not answer in time, and may yet settle the task.
///
/// The task does not hold its target meanwhile. So what the target shows is proof only as long as no
/// other attempt at it was permitted; and it ends the task, or changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Late {
    /// The time from which an observation counts: nobody acts after it.
    pub since: Instant,
    /// The time of the next attempt.
    pub again: Instant,
    /// The time after which only a person settles the task.
    pub until: Instant,
    /// True if success was reported.
    pub is_reported: bool,
}

/// The record of a late read-back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SavedLate {
    /// The time after which only a person settles the task.
    pub until: Instant,
    /// True if success was reported.
    pub is_reported: bool,
}

impl Late {
    fn new(since: Instant, until: Instant, is_reported: bool, rule: &Rule) -> Self {
        Self {
            since,
            again: (since + rule.late_every).min(until),
            until,
            is_reported,
        }
    }

    /// Restores a late read-back. The target has all its time again to show what was done.
    pub(super) fn restored(saved: SavedLate, rule: &Rule, now: Instant) -> Option<Self> {
        let SavedLate { until, is_reported } = saved;
        (now < until).then_some(Self {
            since: now + rule.settling,
            again: (now + rule.settling).min(until),
            until,
            is_reported,
        })
    }
}

impl Life {
    /// Returns the late read-back that may still settle it.
    pub fn late(&self) -> Option<Late> {
        match self.stage {
            Stage::Unsettled { late, .. } => late,
            _ => None,
        }
    }

    /// Leaves to a person a task whose target did not answer in time.
    pub(super) fn unanswered(mut self, rule: &Rule, now: Instant) -> (Self, Vec<Action>) {
        let is_reported = matches!(self.stage, Stage::Verifying { .. });
        // What must be passed through is over by the time of a late look.
        let may_show = rule.read_back.is_some_and(|one| !one.is_through);
        let may_prove = may_show && (is_reported || rule.proves_effect());
        let late = may_prove.then(|| Late::new(now, now + rule.late_within, is_reported, rule));
        let actions = late.map(|_| Action::ReadBack).into_iter().collect();
        self.stage = Stage::Unsettled {
            holder: self.holder().cloned(),
            late,
        };
        (self, actions)
    }

    /// Reads the target back once more, or leaves the task to a person alone.
    pub(super) fn again_late(self, late: Late, rule: &Rule, now: Instant) -> (Self, Vec<Action>) {
        if now >= late.until {
            return (self.with_late(None), Vec::new());
        }
        let again = (now + rule.late_every).min(late.until);
        let late = Late { again, ..late };
        (self.with_late(Some(late)), vec![Action::ReadBack])
    }

    /// Counts only what the target shows from then on.
    pub(super) fn late_from(self, since: Instant) -> Self {
        let late = self.late().map(|late| Late { since, ..late });
        self.with_late(late)
    }

    pub(super) fn on_overtaken(self) -> Self {
        self.with_late(None)
    }

    /// Applies what a target shows that was asked late.
    pub(super) fn on_observed_late(
        mut self,
        evidence: Evidence,
        is_reported: bool,
        rule: &Rule,
    ) -> Self {
        // An earlier attempt, or somebody who reported success, contradicts what is not seen.
        let may_be_absent = rule.proves_absence() && !is_reported && !self.is_in_doubt;
        match evidence {
            Evidence::None => self,
            Evidence::Effect => {
                self.stage = ended(How::Succeeded, By::ReadBack);
                self
            }
            // Nothing was done so far, but the holder of the permit may merely have stalled, and
            // may resume.
            Evidence::Other if may_be_absent && !self.is_over => self,
            Evidence::Other if may_be_absent => {
                self.stage = match self.is_cancelled {
                    true => ended(How::Cancelled, By::Cancel),
                    false => ended(How::Failed, By::ReadBack),
                };
                self
            }
            Evidence::Passing | Evidence::Other => self.with_late(None),
        }
    }

    fn with_late(mut self, changed: Option<Late>) -> Self {
        if let Stage::Unsettled { late, .. } = &mut self.stage {
            *late = changed;
        }
        self
    }
}
