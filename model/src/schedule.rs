//! Schedules, by which targets are observed regularly.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ActionName, ScheduleName, Selector, duration};

/// The shortest interval. Anything shorter would be an attack on the device rather than
/// observation.
pub const INTERVAL_MIN: Duration = Duration::from_millis(100);

/// A schedule, by which targets are observed regularly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The name of the schedule, which is unique.
    pub name: ScheduleName,
    /// The selected targets.
    pub selector: Selector,
    /// The interval, over which the reads of the targets are spread.
    #[serde(with = "duration")]
    #[schema(value_type = String, example = "30s")]
    pub interval: Duration,
    /// The observe action. Absent means the default action of each target's kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionName>,
    /// The parameters of the action.
    #[serde(default = "no_parameters")]
    #[schema(value_type = Object)]
    pub parameters: Value,
}

fn no_parameters() -> Value {
    Value::Object(serde_json::Map::new())
}
