//! What was decided about a rollout.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{Problem, ReleaseId, RolloutId, RolloutPhase, rollout::Evidence};

use super::Order;

/// What was decided about a rollout, and must hold after a restart, too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The rollout.
    pub id: RolloutId,
    /// The release to go to.
    pub candidate: ReleaseId,
    /// The phase that it is in.
    pub phase: RolloutPhase,
    /// The begin of the phase.
    pub since: Timestamp,
    /// The place of its share in the plan.
    #[serde(default)]
    pub share: usize,
    /// The reason for which it went back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// What was seen until then.
    #[serde(default)]
    pub evidence: Evidence,
}

impl Decision {
    pub(crate) fn is_of(&self, order: &Order) -> bool {
        self.id == order.id && self.candidate == order.candidate
    }
}
