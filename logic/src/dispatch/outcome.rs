//! Outcomes, shared with the published batch.

use std::sync::Arc;

use utakata_interconnect::OutcomeBatch;
use utakata_model::Outcome;

/// An outcome, in place: one of many in a batch, or one made here.
#[derive(Debug, Clone)]
pub struct OutcomeRef(Source);

#[derive(Debug, Clone)]
enum Source {
    /// The outcome at this index of a batch.
    Published(Arc<OutcomeBatch>, usize),
    Own(Arc<Outcome>),
}

impl OutcomeRef {
    /// Returns the outcome at an index of a batch, if it exists.
    pub(super) fn published(batch: &Arc<OutcomeBatch>, at: usize) -> Option<Self> {
        let is_there = at < batch.outcomes.len();
        is_there.then(|| Self(Source::Published(Arc::clone(batch), at)))
    }

    /// Wraps an outcome that was made here because none arrived.
    pub(super) fn own(outcome: Arc<Outcome>) -> Self {
        Self(Source::Own(outcome))
    }

    pub fn get(&self) -> &Outcome {
        match &self.0 {
            Source::Published(batch, at) => &batch.outcomes[*at],
            Source::Own(outcome) => outcome,
        }
    }
}
