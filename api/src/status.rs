//! How the system is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{ConnectionStatus, EnvironmentStatus, LogicId};
use utoipa::ToSchema;

/// How the system is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The version of the program.
    pub version: String,
    /// When it was started.
    #[schema(value_type = String, format = "date-time")]
    pub started: Timestamp,
    /// How many targets there are.
    pub targets: u64,
    /// How many schedules there are.
    pub schedules: u64,
    /// Where the embedded MQTT broker listens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mqtt: Option<String>,
    /// Every environment that was heard of.
    pub environments: Vec<EnvironmentStatus>,
    /// What this logic environment does for all, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duties: Option<Duties>,
    /// Its connections to the brokers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<ConnectionStatus>,
    /// What is wrong, each with its cure.
    pub problems: Vec<utakata_model::Problem>,
}

/// What one of several logic environments does for all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Duties {
    /// Which one was asked.
    pub id: LogicId,
    /// Whether it keeps the ledger of control.
    pub ledger: bool,
    /// Where the API of the one that keeps it is, when that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger_at: Option<String>,
    /// How many of the 16 shards of targets it reads by schedules.
    pub shards: u32,
    /// All that there are, by name.
    pub members: Vec<LogicId>,
}
