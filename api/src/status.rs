//! How the system is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::EnvironmentStatus;
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
    /// What is wrong, each with its cure.
    pub problems: Vec<utakata_model::Problem>,
}
