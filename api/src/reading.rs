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
    /// The time at which it was seen at the target.
    #[schema(value_type = String, format = "date-time")]
    pub time: Timestamp,
    /// The time at which it arrived at the logic environment, by the same clock. What decides
    /// about values counts from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub heard: Option<Timestamp>,
    /// The reading. Its quality is `stale` if it is older than its schedule allows.
    #[serde(flatten)]
    pub reading: Reading,
}
