//! The alarms of one rule on one target.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utakata_model::{AlarmName, TargetName};

use super::plain;

/// Changes of the alarms of one rule on one target, and what is left of them.
///
/// Only the logic environments know alarms: this carries one as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlarmNews {
    pub target: TargetName,
    pub rule: AlarmName,
    /// The number of the last change. Numbers only grow.
    pub number: u64,
    /// The alarms of this rule on this target; none once all are over and seen.
    pub alarms: Vec<Value>,
    /// The changes that led to this, oldest first.
    pub changes: Vec<Value>,
}

plain! {
    AlarmNews: "message of alarms";
}
