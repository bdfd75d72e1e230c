//! Readings, as the API shows them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{Reading, TargetName};
use utoipa::ToSchema;

/// The latest reading of one metric of one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReadingView {
    /// The name of the target.
    pub target: TargetName,
    /// The time of the reading.
    #[schema(value_type = String, format = "date-time")]
    pub time: Timestamp,
    /// The reading. Its quality is `stale` if it is older than its schedule allows.
    #[serde(flatten)]
    pub reading: Reading,
}
