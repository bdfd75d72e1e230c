//! Outcomes: how an attempt ended, who ran it, and how long it took.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    ActionName, Class, EnvironmentId, Missing, Origin, Problem, Recognition, ReleaseId, TargetName,
    TaskId, TaskKey, TaskState, WorkerId, duration,
};

/// How an attempt ended.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Outcome {
    /// The task.
    pub task: TaskId,
    /// Which try at it, from 1.
    pub attempt: u32,
    /// Why there was such a task.
    pub origin: Origin,
    /// The target.
    pub target: TargetName,
    /// What was to be done.
    pub action: ActionName,
    /// Whether that only looks, or changes something.
    pub class: Class,
    /// How it ended.
    pub status: OutcomeStatus,
    /// What went wrong; with a success, what was left out of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// What the worker answered besides readings: any JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub result: Option<Arc<RawValue>>,
    /// What was asked for and did not come, where it succeeded: then it succeeded in part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// What the target was recognised as, where the worker recognises targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Recognition>)]
    pub recognition: Option<Arc<Recognition>>,
    /// Who ran it; absent when nobody did.
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
    /// When it ended, and how long its parts took.
    pub timings: Timings,
}

impl Outcome {
    /// Whether it succeeded, and something that was asked for did not come.
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

/// How an attempt ended, in one word.
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

/// Who ran an attempt.
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

/// When an attempt ended, and how long its parts took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Timings {
    /// When it ended.
    #[schema(value_type = String, format = "date-time")]
    pub ended: Timestamp,
    /// How long it waited in the environment before a worker got it.
    #[serde(with = "duration")]
    #[schema(value_type = String, example = "2ms")]
    pub waited: Duration,
    /// How long the worker had it.
    #[serde(with = "duration")]
    #[schema(value_type = String, example = "14ms")]
    pub ran: Duration,
}
