//! Acts: permits that were written down before anything was done under them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utakata_model::{ActionName, Kind, PolicyName, TargetName, TaskId};

/// One permit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// The task that was permitted.
    pub task: TaskId,
    /// The number of the attempt.
    pub attempt: u32,
    /// The policy that requested it; absent for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyName>,
    /// The kind of the target.
    pub kind: Kind,
    /// The target that the task is for.
    pub target: TargetName,
    /// The outlet, where the action has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlet: Option<String>,
    /// The action that the task carries out.
    pub action: ActionName,
    /// True if it hands back what was changed before: such acts are not counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_back: bool,
    /// True if it renews what was changed before: such acts are not counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_renewal: bool,
    /// The ledger time of the permit.
    pub at: Duration,
    /// The ledger time at which the task had ended; absent as long as it may still act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Duration>,
}

impl Act {
    /// Returns true if both are of one target and, where both name one, of one outlet.
    pub fn is_of(&self, target: &TargetName, outlet: Option<&str>) -> bool {
        let outlets = self.outlet.as_deref().zip(outlet);
        self.target == *target && outlets.is_none_or(|(one, other)| one == other)
    }
}

/// The acts that may still count, in the order of their permits.
#[derive(Debug, Clone, Default)]
pub struct Acts(Vec<Act>);

impl Acts {
    /// Creates them of what was written down.
    pub fn of(mut acts: Vec<Act>) -> Self {
        acts.sort_by_key(|act| (act.at, act.task, act.attempt));
        Self(acts)
    }

    /// Adds an act, which is the latest.
    pub fn add(&mut self, act: Act) {
        self.0.push(act);
    }

    /// Ends the acts of a task, and returns those that had not ended.
    pub fn end(&mut self, task: TaskId, at: Duration) -> Vec<Act> {
        let open = self.0.iter_mut();
        let open = open.filter(|act| act.task == task && act.ended.is_none());
        open.map(|act| {
            act.ended = Some(at);
            act.clone()
        })
        .collect()
    }

    /// Removes acts that have ended and are older than any window, and returns them.
    pub fn forget(&mut self, now: Duration, longest: Duration) -> Vec<Act> {
        let is_over = |act: &Act| {
            let ended = act.ended.map(|ended| now.saturating_sub(ended));
            ended.is_some_and(|age| age > longest) && now.saturating_sub(act.at) > longest
        };
        let (gone, kept) = std::mem::take(&mut self.0).into_iter().partition(is_over);
        self.0 = kept;
        gone
    }

    /// Returns the acts, the latest first.
    pub fn latest(&self) -> impl Iterator<Item = &Act> {
        self.0.iter().rev()
    }

    /// Returns the number of acts.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns true if there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
