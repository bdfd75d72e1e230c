//! The status of a connection to a broker.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The status of a connection to a broker, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ConnectionStatus {
    /// The purpose of the connection: `tasks` or `events`.
    pub name: String,
    /// The address of the broker, without user and password.
    pub to: String,
    /// The time since which it is connected or disconnected.
    #[schema(value_type = String, format = "date-time")]
    pub since: Timestamp,
    /// The reason why it is disconnected. Absent while it is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The number of times that the connection was lost.
    pub lost: u64,
    /// The number of messages waiting to be sent.
    pub waiting: u64,
    /// The number of expendable messages that were dropped because the broker was away or too slow.
    pub dropped: u64,
    /// The number of messages that were ignored because they were foreign or malformed.
    #[serde(default)]
    pub ignored: u64,
    /// The number of messages that did not count: they were not signed by who has to sign them, or
    /// came twice.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub distrusted: u64,
    /// Recent problems of a connection that is up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}
