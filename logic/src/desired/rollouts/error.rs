//! Why nothing was changed about a rollout.

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
        /// The nearest one, or those that there are.
        hint: String,
    },
    /// There is no such release.
    #[error("there is no release \"{to}\" of {kind}")]
    NoRelease {
        kind: Kind,
        to: String,
        /// The nearest one, or those that there are.
        hint: String,
    },
    /// Several releases are meant.
    #[error("\"{to}\" means several releases of {kind}")]
    Ambiguous { kind: Kind, to: String },
    /// It serves already.
    #[error("{release} already serves")]
    Serves { release: ReleaseId },
    /// The kind is on its way already.
    #[error("{} is on its way from {} to {} already", rollout.kind, rollout.from.version, rollout.to.version)]
    Open { rollout: Box<Rollout> },
    /// A plan that cannot be.
    #[error("the plan is not possible: {0}")]
    Plan(#[from] PlanError),
    /// There is no such rollout.
    #[error("there is no rollout {id}")]
    None { id: RolloutId },
    /// It is not in its state.
    #[error("the rollout {id} is {state} and cannot be {verb}")]
    State {
        id: RolloutId,
        state: &'static str,
        verb: &'static str,
    },
    /// Something would not work any more.
    #[error("{release} would break what works now")]
    Breaks {
        release: ReleaseId,
        breaks: Vec<Break>,
    },
    #[error(transparent)]
    Store(#[from] store::Error),
}
