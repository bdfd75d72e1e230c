//! A life as it was written down, after the ledger itself has died.

use tokio::time::Instant;
use utakata_model::TaskState;

use super::{Action, End, Holder, Life, Rule, Stage};

/// The record of a life. No times but one: all waiting begins anew.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Saved {
    /// Its state, in one word.
    pub state: TaskState,
    /// The number of the current attempt, from 1.
    pub attempt: u32,
    /// The holder of its permit, or the last one.
    pub holder: Option<Holder>,
    /// It is not permitted after this.
    pub expires: Instant,
    /// True if somebody took it back.
    pub is_cancelled: bool,
    /// True if an earlier attempt may have done it.
    pub is_in_doubt: bool,
    /// True if it is proven that nobody acts on the current attempt any more.
    pub is_over: bool,
    /// True if it was seen in what it must pass through, since it was said to be done.
    pub has_passed: bool,
    /// The end, if there is one.
    pub end: Option<End>,
}

impl Life {
    /// Returns its record, to be written before anybody acts on it.
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
            end,
        }
    }

    /// As it was written down, and what is to be done because of it.
    ///
    /// How long an attempt has been under way is not known any more: it may act for as long as
    /// if it had begun now. A record that cannot be is one that nobody knows of: a person says.
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
            (_, holder) => Stage::Unsettled { holder },
        };
        (life(stage), Vec::new())
    }
}
