//! The last decision about a rollout.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{Problem, ReleaseId, RolloutId, RolloutPhase, rollout::Evidence};

use super::Order;

/// The last decision about a rollout, kept across restarts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    pub id: RolloutId,
    pub candidate: ReleaseId,
    /// The phase that was reached.
    pub phase: RolloutPhase,
    /// The beginning of that phase.
    pub since: Timestamp,
    /// The index of its share in the plan.
    #[serde(default)]
    pub share: usize,
    /// The reason why it went back, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// The evidence seen until then.
    #[serde(default)]
    pub evidence: Evidence,
}

impl Decision {
    pub(crate) fn is_of(&self, order: &Order) -> bool {
        self.id == order.id && self.candidate == order.candidate
    }
}
