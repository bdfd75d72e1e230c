//! The reasons why a rollout is unchanged.

use utakata_api::{release::Break, rollout::Rollout};
use utakata_model::{Kind, ReleaseId, RolloutId, rollout::PlanError};

use crate::store;

/// A reason why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No environment serves the kind.
    #[error("no environment serves the kind \"{kind}\"")]
    NoKind {
        kind: Kind,
        /// The nearest one, or all existing ones.
        hint: String,
    },
    /// There is no such release.
    #[error("there is no release \"{to}\" of {kind}")]
    NoRelease {
        kind: Kind,
        to: String,
        /// The nearest one, or all existing ones.
        hint: String,
    },
    /// Several releases match.
    #[error("\"{to}\" matches several releases of {kind}")]
    Ambiguous { kind: Kind, to: String },
    /// The release serves already.
    #[error("{release} already serves")]
    Serves { release: ReleaseId },
    /// The kind has another rollout under way.
    #[error("{} is already being rolled out from {} to {}", rollout.kind, rollout.from.version, rollout.to.version)]
    Open { rollout: Box<Rollout> },
    /// The plan is invalid.
    #[error("the plan is not possible: {0}")]
    Plan(#[from] PlanError),
    /// There is no such rollout.
    #[error("there is no rollout {id}")]
    None { id: RolloutId },
    /// Its state does not allow this.
    #[error("the rollout {id} is {state} and cannot be {verb}")]
    State {
        id: RolloutId,
        state: &'static str,
        verb: &'static str,
    },
    /// Something would stop working.
    #[error("{release} would break something that works now")]
    Breaks {
        release: ReleaseId,
        breaks: Vec<Break>,
    },
    #[error(transparent)]
    Store(#[from] store::Error),
}
