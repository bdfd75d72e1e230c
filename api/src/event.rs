//! Server-sent events of `GET /v1/events`.

use serde::{Deserialize, Serialize};
use utakata_model::{EnvironmentStatus, Outcome, Readings};
use utoipa::ToSchema;

/// The content of one server-sent event. Its SSE `event:` field is the variant's name.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// The readings of one attempt.
    Readings(Readings),
    /// Outcomes of attempts: as many as there were at that moment.
    Outcomes(Vec<Outcome>),
    /// The status of an environment.
    Environment(Box<EnvironmentStatus>),
    /// So many events were left out, because they were not fetched fast enough.
    Missed(u64),
}
