//! What is asked of this environment about a rollout.

use utakata_model::{ReleaseId, RolloutId, RolloutPlan, rollout::Go};

/// A rollout as it is asked of this environment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order {
    pub(crate) id: RolloutId,
    pub(crate) candidate: ReleaseId,
    pub(crate) plan: RolloutPlan,
    /// What to do; absent: wait.
    pub(crate) go: Option<Go>,
}
