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
    zone: &'b str,
    kind: &'b str,
    outcomes: &'b [Outcome],
}

impl<'b> From<&'b OutcomeBatch> for BatchRef<'b> {
    fn from(batch: &'b OutcomeBatch) -> Self {
        Self {
            zone: batch.zone.as_str(),
            kind: batch.kind.as_str(),
            outcomes: &batch.outcomes,
        }
    }
}
