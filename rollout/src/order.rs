//! A rollout as ordered of one environment.

use utakata_model::{ReleaseId, RolloutId, RolloutPlan, rollout::Go};

/// A rollout as ordered of one environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    pub id: RolloutId,
    pub candidate: ReleaseId,
    /// The plan by which it proceeds from phase to phase.
    pub plan: RolloutPlan,
    /// The command to the environment. Absent: it waits.
    pub go: Option<Go>,
}
