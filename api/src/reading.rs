//! Readings as they are shown.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{Reading, TargetName};
use utoipa::ToSchema;

/// The last reading of one metric of one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReadingView {
    /// The target.
    pub target: TargetName,
    /// The time it was seen.
    #[schema(value_type = String, format = "date-time")]
    pub time: Timestamp,
    /// The reading; its quality is `stale` when it is older than its schedule allows.
    #[serde(flatten)]
    pub reading: Reading,
}
