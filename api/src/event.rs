//! Server-sent events of `GET /v1/events`.

use serde::{Deserialize, Serialize};
use utakata_model::{EnvironmentStatus, Outcome, Readings};
use utoipa::ToSchema;

/// What one server-sent event holds. Its SSE `event:` field is the variant's name.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// What one attempt saw.
    Readings(Readings),
    /// How attempts ended: as many as there were at that moment.
    Outcomes(Vec<Outcome>),
    /// How an environment is.
    Environment(Box<EnvironmentStatus>),
    /// So many events were left out, because they were not fetched fast enough.
    Missed(u64),
}
