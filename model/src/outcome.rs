//! Outcomes: how an attempt ended, who ran it, and how long it took.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    ActionName, Class, EnvironmentId, Missing, Origin, Problem, Recognition, ReleaseId, TargetName,
    TaskId, TaskKey, TaskState, WorkerId, duration,
};

/// The end of an attempt.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Outcome {
    /// The task.
    pub task: TaskId,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// The reason there was such a task.
    pub origin: Origin,
    /// The target.
    pub target: TargetName,
    /// The action.
    pub action: ActionName,
    /// The class of the action.
    pub class: Class,
    /// Its outcome.
    pub status: OutcomeStatus,
    /// The problem; with a success, what was left out of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// The answer of the worker besides readings: any JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub result: Option<Arc<RawValue>>,
    /// Values that were asked for and did not come, where it succeeded: then it succeeded in part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// The result of recognition, where the worker recognises targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Recognition>)]
    pub recognition: Option<Arc<Recognition>>,
    /// The environment, worker and release that ran it; absent when nobody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ran_by: Option<RanBy>,
    /// The ask under which a control attempt was permitted, as its environment numbers them;
    /// absent when it ended without a permit, and so without any effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permit: Option<u64>,
    /// Of control whose end is unknown: whether nobody acts on it any more, which was seen. Its
    /// worker has said so, or is gone; that its time is over is no such proof.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_over: bool,
    /// The time it ended, and the durations of its parts.
    pub timings: Timings,
}

impl Outcome {
    /// Returns whether it succeeded, and something that was asked for did not come.
    pub fn is_partial(&self) -> bool {
        self.status == OutcomeStatus::Succeeded && !self.missing.is_empty()
    }

    /// The fencing token of the attempt.
    pub fn key(&self) -> TaskKey {
        TaskKey {
            task: self.task,
            attempt: self.attempt,
        }
    }
}

/// The end of an attempt, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OutcomeStatus {
    /// The target did it.
    Succeeded,
    /// The target did not do it.
    Failed,
    /// Nobody can know whether the target did it.
    Unknown,
    /// It was not begun in time.
    Expired,
    /// It was taken back before it took effect.
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
    /// The environment.
    pub environment: EnvironmentId,
    /// Its worker.
    pub worker: WorkerId,
    /// The release of the worker.
    #[schema(value_type = ReleaseId)]
    pub release: Arc<ReleaseId>,
}

/// The end of an attempt, and the durations of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Timings {
    /// The time it ended.
    #[schema(value_type = String, format = "date-time")]
    pub ended: Timestamp,
    /// The time for which it waited in the environment before a worker got it.
    #[serde(with = "duration")]
    #[schema(value_type = String, example = "2ms")]
    pub waited: Duration,
    /// The time for which the worker had it.
    #[serde(with = "duration")]
    #[schema(value_type = String, example = "14ms")]
    pub ran: Duration,
}
