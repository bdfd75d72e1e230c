//! How the system is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{ConnectionStatus, EnvironmentStatus, LogicId};
use utoipa::ToSchema;

/// Returns the status of the system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The version of the program.
    pub version: String,
    /// The time it was started.
    #[schema(value_type = String, format = "date-time")]
    pub started: Timestamp,
    /// The number of targets.
    pub targets: u64,
    /// The number of schedules.
    pub schedules: u64,
    /// The address at which the embedded MQTT broker listens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mqtt: Option<String>,
    /// Every environment that was heard of.
    pub environments: Vec<EnvironmentStatus>,
    /// The duties of this logic environment, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duties: Option<Duties>,
    /// Its connections to the brokers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<ConnectionStatus>,
    /// The problems, each with its cure.
    pub problems: Vec<utakata_model::Problem>,
}

/// The duties of one of several logic environments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Duties {
    /// The one that was asked.
    pub id: LogicId,
    /// `true` if it keeps the ledger of control.
    pub ledger: bool,
    /// The address of the API of its keeper, when that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger_at: Option<String>,
    /// The number of the 16 shards of targets that it reads by schedules.
    pub shards: u32,
    /// All that there are, by name.
    pub members: Vec<LogicId>,
}
