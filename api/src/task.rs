//! Tasks as they are shown.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utakata_model::{
    ActionName, Class, Kind, Origin, Outcome, Reading, ReadingValue, TargetName, TaskId, TaskState,
};
use utoipa::ToSchema;

use crate::ledger::AttemptView;

/// A task and how far it is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TaskView {
    /// Its identifier.
    pub id: TaskId,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// The reason there is such a task.
    pub origin: Origin,
    /// The target.
    pub target: TargetName,
    /// Its kind.
    pub kind: Kind,
    /// The method.
    pub action: ActionName,
    /// The class of the action.
    pub class: Class,
    /// With which parameters.
    #[schema(value_type = Object)]
    pub parameters: Value,
    /// Its state.
    pub state: TaskState,
    /// The time it was made.
    #[schema(value_type = String, format = "date-time")]
    pub made: Timestamp,
    /// It is not begun after this.
    #[schema(value_type = String, format = "date-time")]
    pub expires: Timestamp,
    /// Its outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// The attempts that were permitted so far: of control only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptView>,
    /// The value before, where the action can be undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior: Option<ReadingValue>,
    /// The readings: only of a read that was waited for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<Reading>,
}

impl PartialEq for TaskView {
    fn eq(&self, other: &Self) -> bool {
        (self.id, self.attempt, self.state) == (other.id, other.attempt, other.state)
    }
}
