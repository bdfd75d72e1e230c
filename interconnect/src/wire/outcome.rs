//! The form of a batch of outcomes.

use serde::{Deserialize, Serialize};
use utakata_model::{Kind, Outcome, Zone};

use crate::OutcomeBatch;

#[derive(Deserialize)]
pub(super) struct Batch {
    zone: Zone,
    kind: Kind,
    outcomes: Vec<Outcome>,
}

impl From<Batch> for OutcomeBatch {
    fn from(batch: Batch) -> Self {
        Self {
            zone: batch.zone,
            kind: batch.kind,
            outcomes: batch.outcomes,
        }
    }
}

#[derive(Serialize)]
pub(super) struct BatchRef<'b> {
    pub(super) zone: &'b Zone,
    pub(super) kind: &'b Kind,
    pub(super) outcomes: &'b [&'b Outcome],
}
