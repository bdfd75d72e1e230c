//! The status of the system.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{ConnectionStatus, EnvironmentStatus, LogicId};
use utoipa::ToSchema;

use crate::person::WrongTokens;

/// The status of the system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The version of the program.
    pub version: String,
    /// The time at which the server was started.
    #[schema(value_type = String, format = "date-time")]
    pub started: Timestamp,
    /// The number of declared targets.
    pub targets: u64,
    /// The number of declared schedules.
    pub schedules: u64,
    /// The address at which the embedded MQTT broker listens, if it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mqtt: Option<String>,
    /// The statuses of all known environments.
    pub environments: Vec<EnvironmentStatus>,
    /// The duties of this logic environment, if there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duties: Option<Duties>,
    /// The server's connections to its brokers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<ConnectionStatus>,
    /// The present problems, each with its cure.
    pub problems: Vec<utakata_model::Problem>,
    /// The number of impossible states that this logic environment was in since it started:
    /// mistakes in utakata, which are in its log.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub invariants_broken: u64,
    /// The requests with a token that is not valid, which this logic environment has refused.
    #[serde(default, skip_serializing_if = "WrongTokens::is_none")]
    pub wrong_tokens: WrongTokens,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The duties of one of several logic environments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Duties {
    /// The logic environment that answers.
    pub id: LogicId,
    /// `true` if it keeps the ledger of control.
    pub ledger: bool,
    /// The API address of the keeper, if it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger_at: Option<String>,
    /// The reason why nothing is passed on to that address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfit: Option<String>,
    /// The number of shards, out of 16, whose targets it reads by schedule.
    pub shards: u32,
    /// The names of all logic environments.
    pub members: Vec<LogicId>,
}
