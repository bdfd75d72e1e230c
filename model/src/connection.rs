//! How a connection to a broker is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The status of a connection to a broker, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ConnectionStatus {
    /// Its purpose: `tasks` or `events`.
    pub name: String,
    /// To where, without user and password.
    pub to: String,
    /// Since when it is there, or is not.
    #[schema(value_type = String, format = "date-time")]
    pub since: Timestamp,
    /// The reason it is not there; absent while it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The number of times it was lost.
    pub lost: u64,
    /// Messages that wait to be sent.
    pub waiting: u64,
    /// Expendable messages that were dropped, because it was away or too slow.
    pub dropped: u64,
    /// Messages that came and were ignored, because they were not ours or not right.
    #[serde(default)]
    pub ignored: u64,
    /// Recent problems of a connection that is there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}
