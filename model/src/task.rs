//! Tasks: one action on one target, once.

use std::{fmt, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    ActionName, Class, OperationId, Parameters, ScheduleName, Target, TaskCredential, TaskId,
    duration,
};

/// One action on one target, as sent to a worker. Cheap to clone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Task {
    /// The identifier of the task.
    pub id: TaskId,
    /// The number of the attempt, from 1. (task, attempt) is the fencing token.
    pub attempt: u32,
    /// The reason why the task exists.
    pub origin: Origin,
    /// The target as it was when the task was made.
    pub target: Arc<Target>,
    /// The credential that gives the worker access. A reference to it travels, never its values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<TaskCredential>,
    /// The action to carry out.
    pub action: ActionName,
    /// The class of the action.
    pub class: Class,
    /// The parameters of the action.
    pub parameters: Parameters,
    /// The time that the attempt may take, counted from when the worker receives it.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// The time after which no attempt begins.
    pub expires: Timestamp,
}

impl Task {
    /// Returns the fencing token.
    pub fn key(&self) -> TaskKey {
        TaskKey {
            task: self.id,
            attempt: self.attempt,
        }
    }
}

/// A task and the number of an attempt at it: the fencing token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TaskKey {
    /// The identifier of the task.
    pub task: TaskId,
    /// The number of the attempt, from 1.
    pub attempt: u32,
}

impl fmt::Display for TaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.task, self.attempt)
    }
}

/// The reason why a task exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// A user requested it.
    Operation(OperationId),
    /// A schedule is due.
    Schedule(ScheduleName),
    /// The target is read back for this control task.
    Task(TaskId),
}

words! {
    /// The state of a task.
    ///
    /// ```text
    /// planned ─► queued ─► permitted ─► verifying ─► succeeded | failed
    ///    │          │         │  └────► succeeded | failed | cancelled
    ///    │          │         └► unknown ─► (read back) ─► succeeded | failed | planned (attempt + 1)
    ///    │          │                └───► unsettled ─► succeeded | failed | planned (attempt + 1)
    ///    └──────────┴─► failed | expired | cancelled
    /// ```
    ///
    /// Reads know only `queued` and the final states.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
    pub enum TaskState {
        /// It is recorded, and not yet sent.
        Planned = "planned",
        /// It was handed to the inter connect.
        Queued = "queued",
        /// An environment has the permit for it, and with it the target.
        Permitted = "permitted",
        /// The outcome says that it succeeded; the target is read back to confirm.
        Verifying = "verifying",
        /// Nobody can know whether the target did it; the target is read back to find out.
        Unknown = "unknown",
        /// Nobody can know whether the target did it, and a person has to decide.
        Unsettled = "unsettled",
        /// The target did it.
        Succeeded = "succeeded",
        /// The target did not do it.
        Failed = "failed",
        /// It did not begin in time.
        Expired = "expired",
        /// It was cancelled before it began.
        Cancelled = "cancelled",
    }
}

impl TaskState {
    /// Returns true if the state is final.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed | Self::Expired | Self::Cancelled
        )
    }
}
