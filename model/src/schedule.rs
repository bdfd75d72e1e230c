//! Schedules: standing orders to observe.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ActionName, ScheduleName, Selector, duration};

/// The shortest interval: below it a device is being attacked, not observed.
pub const INTERVAL_MIN: Duration = Duration::from_millis(100);

/// A standing order to observe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Its name, unique.
    pub name: ScheduleName,
    /// The targets that are meant.
    pub selector: Selector,
    /// The interval. The reads of the targets are spread over the interval.
    #[serde(with = "duration")]
    #[schema(value_type = String, example = "30s")]
    pub interval: Duration,
    /// The observe action; absent means the default of each target's kind.
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
