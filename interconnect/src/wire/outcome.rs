//! The form of a batch of outcomes.

use serde::{Deserialize, Serialize};
use utakata_model::{Kind, Outcome, Zone};

use crate::{OutcomeBatch, events::Sender};

#[derive(Deserialize)]
pub(super) struct Batch {
    zone: Zone,
    kind: Kind,
    #[serde(default)]
    from: Option<Sender>,
    outcomes: Vec<Outcome>,
}

impl From<Batch> for OutcomeBatch {
    fn from(batch: Batch) -> Self {
        Self {
            zone: batch.zone,
            kind: batch.kind,
            from: batch.from,
            outcomes: batch.outcomes,
        }
    }
}

#[derive(Serialize)]
pub(super) struct BatchRef<'b> {
    pub(super) zone: &'b Zone,
    pub(super) kind: &'b Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<&'b Sender>,
    pub(super) outcomes: &'b [&'b Outcome],
}
