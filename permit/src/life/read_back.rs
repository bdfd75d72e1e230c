//! Transitions by the state that the target shows when it is read back.

use tokio::time::Instant;

use super::{Action, By, Evidence, Holder, How, Life, Observation, Rule, Stage, ended};

impl Life {
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

    /// Turns to the target, once nobody acts any more, or to a person where the target cannot tell.
    pub(super) fn read_back(
        mut self,
        holder: Holder,
        rule: &Rule,
        now: Instant,
    ) -> (Self, Vec<Action>) {
        if rule.proves_effect() {
            self.stage = Stage::ReadingBack {
                holder,
                since: now,
                until: now + rule.read_back_within,
            };
            return (self, vec![Action::ReadBack]);
        }
        self.stage = Stage::Unsettled {
            holder: Some(holder),
            late: None,
        };
        (self, Vec::new())
    }

    pub(super) fn on_observed(mut self, one: Observation, rule: &Rule, now: Instant) -> Self {
        match &mut self.stage {
            Stage::Verifying { since, .. } | Stage::ReadingBack { since, .. }
                if one.requested < *since =>
            {
                self
            }
            Stage::Verifying {
                shows_from,
                shown,
                passed,
                ..
            } => {
                let verified = Verified::by(one, rule, *shows_from, *passed);
                if matches!(verified, Verified::NotYet) {
                    *shown = one.evidence;
                }
                if one.evidence == Evidence::Passing {
                    passed.get_or_insert(one.answered);
                }
                self.on_verified(verified, rule, now)
            }
            Stage::ReadingBack { .. } => self.on_observed_in_doubt(one.evidence, rule, now),
            Stage::Unsettled {
                late: Some(late), ..
            } if one.requested >= late.since => {
                let is_reported = late.is_reported;
                self.on_observed_late(one.evidence, is_reported, rule)
            }
            _ => self,
        }
    }

    /// Applies an observation of a target that reported success.
    fn on_verified(mut self, verified: Verified, rule: &Rule, now: Instant) -> Self {
        match verified {
            Verified::Done => self.stage = ended(How::Succeeded, By::ReadBack),
            Verified::NotDone => {
                self.is_in_doubt = false;
                return self.undone(How::Failed, By::ReadBack, rule, now).0;
            }
            Verified::Open => return self.unsettled(),
            Verified::NotYet | Verified::NoAnswer => {}
        }
        self
    }

    /// Applies an observation made while the outcome is unknown and nobody acts any more.
    fn on_observed_in_doubt(mut self, evidence: Evidence, rule: &Rule, now: Instant) -> Self {
        match evidence {
            Evidence::None => self,
            // A target that must pass through another state may show the effect before it has
            // begun.
            Evidence::Effect if rule.proves_effect() && !rule.is_through() => {
                self.stage = ended(How::Succeeded, By::ReadBack);
                self
            }
            // Nothing was done so far, but the holder of the permit may merely have stalled, and
            // may resume.
            Evidence::Other if rule.proves_absence() && !self.may_follow(rule) => self,
            Evidence::Other if rule.proves_absence() => {
                self.is_in_doubt = false;
                self.nothing_happened(By::ReadBack, rule, now).0
            }
            Evidence::Effect | Evidence::Passing | Evidence::Other => self.unsettled(),
        }
    }

    /// Leaves the task to a person.
    fn unsettled(mut self) -> Self {
        self.stage = Stage::Unsettled {
            holder: self.holder().cloned(),
            late: None,
        };
        self
    }
}

/// The conclusion from an observation of a target that reported success.
#[derive(Debug, Clone, Copy)]
enum Verified {
    Done,
    NotDone,
    /// Neither, and the time to show it is over.
    Open,
    NotYet,
    NoAnswer,
}

impl Verified {
    fn by(one: Observation, rule: &Rule, shows_from: Instant, passed: Option<Instant>) -> Self {
        let has_passed = passed.is_some_and(|at| one.requested >= at);
        match one.evidence {
            Evidence::None => Self::NoAnswer,
            Evidence::Effect if !rule.is_through() || has_passed => Self::Done,
            _ if one.requested < shows_from => Self::NotYet,
            // It is for the action to declare that another value proves the absence of the effect.
            Evidence::Other if rule.proves_absence() => Self::NotDone,
            Evidence::Effect | Evidence::Passing | Evidence::Other => Self::Open,
        }
    }
}
