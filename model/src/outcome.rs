//! Outcomes: the end of an attempt, its worker and its duration.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    ActionName, Class, EnvironmentId, Missing, Origin, Problem, Recognition, ReleaseId, TargetName,
    TaskId, TaskKey, TaskState, WorkerId, duration, reading::shared,
};

/// The outcome of an attempt.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Outcome {
    /// The task of the attempt.
    pub task: TaskId,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// The reason why the task exists.
    pub origin: Origin,
    /// The target of the task.
    pub target: TargetName,
    /// The action of the task.
    pub action: ActionName,
    /// The class of the action.
    pub class: Class,
    /// The status with which the attempt ended.
    pub status: OutcomeStatus,
    /// The problem. With a success, it describes what was missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// The worker's result besides readings: any JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub result: Option<Arc<RawValue>>,
    /// The values that were requested and did not arrive. If there are any, the attempt succeeded
    /// only in part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// The result of recognition, where the worker recognises targets.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "shared::deserialize_recognition"
    )]
    #[schema(value_type = Option<Recognition>)]
    pub recognition: Option<Arc<Recognition>>,
    /// The environment, worker and release that ran it. Absent if none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ran_by: Option<RanBy>,
    /// The number of the ask under which a control attempt was permitted. Absent if it ended
    /// without a permit, and so without any effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permit: Option<u64>,
    /// For control with an unknown outcome: true if it was seen that nobody acts on it any more,
    /// because its worker has said so or is gone. The passing of its time is no such proof.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_over: bool,
    /// The end of the attempt, and the durations of its parts.
    pub timings: Timings,
}

impl Outcome {
    /// Returns true if it succeeded with something missing.
    pub fn is_partial(&self) -> bool {
        self.status == OutcomeStatus::Succeeded && !self.missing.is_empty()
    }

    /// Returns the fencing token of the attempt.
    pub fn key(&self) -> TaskKey {
        TaskKey {
            task: self.task,
            attempt: self.attempt,
        }
    }
}

/// The status with which an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeStatus {
    /// The target did it.
    Succeeded,
    /// The target did not do it.
    Failed,
    /// Nobody can know whether the target did it.
    Unknown,
    /// It did not begin in time.
    Expired,
    /// It was cancelled before it took effect.
    Cancelled,
}

impl From<OutcomeStatus> for TaskState {
    fn from(status: OutcomeStatus) -> Self {
        match status {
            OutcomeStatus::Succeeded => Self::Succeeded,
            OutcomeStatus::Failed => Self::Failed,
            OutcomeStatus::Unknown => Self::Unknown,
            OutcomeStatus::Expired => Self::Expired,
            OutcomeStatus::Cancelled => Self::Cancelled,
        }
    }
}

/// The environment, worker and release that ran an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RanBy {
    /// The name of the environment.
    pub environment: EnvironmentId,
    /// The name of the worker.
    pub worker: WorkerId,
    /// The release of the worker.
    #[schema(value_type = ReleaseId)]
    pub release: Arc<ReleaseId>,
}

/// The end of an attempt, and the durations of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Timings {
    /// The time at which it ended.
    #[schema(value_type = String, format = "date-time")]
    pub ended: Timestamp,
    /// The time for which it waited in the environment before a worker received it.
    #[serde(with = "duration")]
    #[schema(value_type = String, example = "2ms")]
    pub waited: Duration,
    /// The time for which the worker had it.
    #[serde(with = "duration")]
    #[schema(value_type = String, example = "14ms")]
    pub ran: Duration,
}
