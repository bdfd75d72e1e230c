//! A rollout as it is asked of one environment.

use utakata_model::{ReleaseId, RolloutId, RolloutPlan, rollout::Go};

/// A rollout as it is asked of one environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// The rollout.
    pub id: RolloutId,
    /// The release to go to.
    pub candidate: ReleaseId,
    /// How it goes on from phase to phase.
    pub plan: RolloutPlan,
    /// What the environment is to do; absent: wait.
    pub go: Option<Go>,
}
