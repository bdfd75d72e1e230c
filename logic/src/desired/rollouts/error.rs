//! Why nothing was changed about a rollout.

use utakata_api::{release::Break, rollout::Rollout};
use utakata_model::{Kind, ReleaseId, RolloutId, rollout::PlanError};

use crate::store;

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No environment serves the kind.
    #[error("no environment serves the kind \"{kind}\"")]
    NoKind {
        /// The kind.
        kind: Kind,
        /// The nearest one, or those that there are.
        hint: String,
    },
    /// There is no such release.
    #[error("there is no release \"{to}\" of {kind}")]
    NoRelease {
        /// The kind.
        kind: Kind,
        /// What was asked for.
        to: String,
        /// The nearest one, or those that there are.
        hint: String,
    },
    /// Several releases are meant.
    #[error("\"{to}\" means several releases of {kind}")]
    Ambiguous {
        /// The kind.
        kind: Kind,
        /// What was asked for.
        to: String,
    },
    /// It serves already.
    #[error("{release} already serves")]
    Serves {
        /// The release.
        release: ReleaseId,
    },
    /// The kind is on its way already.
    #[error("{} is on its way from {} to {} already", rollout.kind, rollout.from.version, rollout.to.version)]
    Open {
        /// The rollout.
        rollout: Box<Rollout>,
    },
    /// A plan that cannot be.
    #[error("the plan is not possible: {0}")]
    Plan(#[from] PlanError),
    /// There is no such rollout.
    #[error("there is no rollout {id}")]
    None {
        /// Its id.
        id: RolloutId,
    },
    /// It is not in its state.
    #[error("the rollout {id} is {state} and cannot be {verb}")]
    State {
        /// Its id.
        id: RolloutId,
        /// How it is.
        state: &'static str,
        /// What was wanted.
        verb: &'static str,
    },
    /// Something would not work any more.
    #[error("{release} would break what works now")]
    Breaks {
        /// The release.
        release: ReleaseId,
        /// What.
        breaks: Vec<Break>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}
