//! Server-sent events of `GET /v1/events`.

use serde::{Deserialize, Serialize};
use utakata_model::{EnvironmentStatus, Notification, Outcome, Readings};
use utoipa::ToSchema;

use crate::alarm::AlarmChange;

/// A server-sent event. Its SSE `event:` field is the variant's name.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// The readings of one attempt.
    Readings(Readings),
    /// The outcomes of one or more attempts.
    Outcomes(Vec<Outcome>),
    /// The status of an environment.
    Environment(Box<EnvironmentStatus>),
    /// A notification of a device, folded with those before it.
    Notification(Notification),
    /// Changes of alarms.
    Alarms(Vec<AlarmChange>),
    /// The number of events that were dropped because the client did not fetch them fast enough.
    Missed(u64),
}
