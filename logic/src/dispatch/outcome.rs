//! Outcomes, shared with what was published.

use std::sync::Arc;

use utakata_interconnect::OutcomeBatch;
use utakata_model::Outcome;

/// An outcome, where it lies: one of many that came together, or one that was made here.
#[derive(Debug, Clone)]
pub struct OutcomeRef(Source);

#[derive(Debug, Clone)]
enum Source {
    /// The one at this place, which the batch has.
    Published(Arc<OutcomeBatch>, usize),
    Own(Arc<Outcome>),
}

impl OutcomeRef {
    /// The outcome at a place of a batch, if it has that place.
    pub(super) fn published(batch: &Arc<OutcomeBatch>, at: usize) -> Option<Self> {
        let is_there = at < batch.outcomes.len();
        is_there.then(|| Self(Source::Published(Arc::clone(batch), at)))
    }

    /// An outcome that was made here, because none came.
    pub(super) fn own(outcome: Arc<Outcome>) -> Self {
        Self(Source::Own(outcome))
    }

    /// Returns the outcome.
    pub fn get(&self) -> &Outcome {
        match &self.0 {
            Source::Published(batch, at) => &batch.outcomes[*at],
            Source::Own(outcome) => outcome,
        }
    }
}
