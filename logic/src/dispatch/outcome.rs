//! Outcomes, shared with what was published.

use std::sync::Arc;

use utakata_interconnect::OutcomeBatch;
use utakata_model::Outcome;

/// An outcome, where it lies: one of many that came together, or one that was made here.
#[derive(Debug, Clone)]
pub enum OutcomeRef {
    /// The one at this place of what was published.
    Published(Arc<OutcomeBatch>, usize),
    /// Made here, because none came.
    Own(Arc<Outcome>),
}

impl OutcomeRef {
    /// The outcome; `None` never happens, as the place was valid when it was taken.
    pub fn get(&self) -> Option<&Outcome> {
        match self {
            Self::Published(batch, at) => batch.outcomes.get(*at),
            Self::Own(outcome) => Some(outcome),
        }
    }
}
