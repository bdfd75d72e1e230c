//! A control task as created; it never changes.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{
    ActionName, Class, Kind, OperationId, Origin, Parameters, Priority, TargetName, TaskId,
    duration,
    manifest::{Repeat, Risk, Undo, Verify},
};

/// A control task as created.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ControlTask {
    pub id: TaskId,
    /// The operation that it belongs to.
    pub operation: OperationId,
    pub target: TargetName,
    /// The address that the target had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The kind of the target.
    pub kind: Kind,
    pub action: ActionName,
    /// The parameters of the action.
    pub parameters: Parameters,
    /// The longest time of an attempt.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// The time of its creation.
    pub made: Timestamp,
    /// The time after which it is not begun, whatever it waits for.
    pub expires: Timestamp,
    /// The time after its turn within which it must begin.
    #[serde(with = "duration", default)]
    pub lifetime: Duration,
    /// The priority on its target.
    #[serde(default)]
    pub priority: Priority,
    /// For each `at_most` of the operation's pace, the value that the target had.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paced: Vec<Option<Arc<str>>>,
    /// The harm of doing it twice.
    #[serde(default)]
    pub repeat: Repeat,
    /// The way its effect is read back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verify>,
    /// The way to undo it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Undo>,
    /// The risk of the action.
    #[serde(default)]
    pub risk: Risk,
}

impl ControlTask {
    /// The operation that it belongs to.
    pub fn origin(&self) -> Origin {
        Origin::Operation(self.operation)
    }

    /// Always control.
    pub fn class(&self) -> Class {
        Class::Control
    }
}
