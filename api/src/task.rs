//! Tasks, as the API shows them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utakata_model::{
    ActionName, Class, Kind, Origin, Outcome, Reading, ReadingValue, TargetName, TaskId, TaskState,
};
use utoipa::ToSchema;

use crate::ledger::AttemptView;

/// A task and its progress.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TaskView {
    /// The identifier of the task.
    pub id: TaskId,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// The reason why the task exists.
    pub origin: Origin,
    /// The name of the target.
    pub target: TargetName,
    /// The kind of the target.
    pub kind: Kind,
    /// The name of the action.
    pub action: ActionName,
    /// The class of the action.
    pub class: Class,
    /// The parameters of the action.
    #[schema(value_type = Object)]
    pub parameters: Value,
    /// The state of the task.
    pub state: TaskState,
    /// The time at which it was made.
    #[schema(value_type = String, format = "date-time")]
    pub made: Timestamp,
    /// The time after which no attempt begins.
    #[schema(value_type = String, format = "date-time")]
    pub expires: Timestamp,
    /// The outcome, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// The attempts permitted so far. Only for control.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptView>,
    /// The value before the action, if the action can be undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior: Option<ReadingValue>,
    /// The readings. Only for a read that was waited for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<Reading>,
}

impl PartialEq for TaskView {
    fn eq(&self, other: &Self) -> bool {
        (self.id, self.attempt, self.state) == (other.id, other.attempt, other.state)
    }
}
