//! The life of a task as written down, and restored after the ledger has died.

use tokio::time::Instant;
use utakata_model::TaskState;

use super::{
    Action, End, Holder, Life, Rule, Stage,
    late::{Late, SavedLate},
};

/// The record of a life. It holds no time but the expiry, and the end of late read-backs: after a
/// restart all other waiting begins again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Saved {
    /// The state that the API shows.
    pub state: TaskState,
    /// The number of the current attempt, from 1.
    pub attempt: u32,
    /// The current or last holder of its permit.
    pub holder: Option<Holder>,
    /// The time after which no attempt is permitted.
    pub expires: Instant,
    /// True if it was cancelled.
    pub is_cancelled: bool,
    /// True if an earlier attempt may have taken effect.
    pub is_in_doubt: bool,
    /// True if it is proven that nobody acts on the current attempt any more.
    pub is_over: bool,
    /// True if the target has shown the state that it must pass through since success was reported.
    pub has_passed: bool,
    /// Present as long as the target may still settle a task that was left to a person.
    pub late: Option<SavedLate>,
    /// The end, if there is one.
    pub end: Option<End>,
}

impl Life {
    /// Returns the record of this life, to be written before anybody acts on it.
    pub fn saved(&self) -> Saved {
        let end = match self.stage {
            Stage::Ended(end) => Some(end),
            _ => None,
        };
        let has_passed = matches!(
            self.stage,
            Stage::Verifying {
                passed: Some(_),
                ..
            }
        );
        Saved {
            state: self.state(),
            attempt: self.attempt,
            holder: self.holder().cloned(),
            expires: self.expires,
            is_cancelled: self.is_cancelled,
            is_in_doubt: self.is_in_doubt,
            is_over: self.is_over,
            has_passed,
            late: self.late().map(|late| SavedLate {
                until: late.until,
                is_reported: late.is_reported,
            }),
            end,
        }
    }

    /// Restores a life from its record, and returns the actions that follow.
    ///
    /// The record does not say how long an attempt has been under way, so it may act for as long as
    /// if it had begun now. An impossible record becomes an unsettled task, for a person to decide.
    pub fn restore(saved: Saved, rule: &Rule, now: Instant) -> (Self, Vec<Action>) {
        let life = |stage| Self {
            attempt: saved.attempt,
            expires: saved.expires,
            is_cancelled: saved.is_cancelled,
            is_in_doubt: saved.is_in_doubt,
            is_over: saved.is_over,
            stage,
        };
        if let Some(end) = saved.end {
            return (life(Stage::Ended(end)), Vec::new());
        }
        let stage = match (saved.state, saved.holder) {
            (TaskState::Planned | TaskState::Queued, _) => Stage::Planned,
            (TaskState::Permitted, Some(holder)) => Stage::Permitted {
                holder,
                acts_until: now + rule.acts_for,
            },
            (TaskState::Unknown, Some(holder)) => Stage::Fenced {
                holder,
                until: now + rule.fenced_for(),
            },
            (TaskState::Verifying, Some(holder)) => {
                let (mut life, actions) = life(Stage::Planned).verify(holder, rule, now);
                if let Stage::Verifying { passed, .. } = &mut life.stage {
                    *passed = saved.has_passed.then_some(now);
                }
                return (life, actions);
            }
            (TaskState::Unsettled, holder) => Stage::Unsettled {
                holder,
                late: saved.late.and_then(|late| Late::restored(late, rule, now)),
            },
            (_, holder) => Stage::Unsettled { holder, late: None },
        };
        (life(stage), Vec::new())
    }
}
