//! The lines of the trail, as far as they can be compared with the ledger.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use utakata_model::{Operation, OperationId, OperationState, TaskId, TaskState};
use utakata_permit::life::End;

use crate::store::ControlTask;

pub(super) enum TrailLine {
    /// An operation was requested.
    Requested(Box<Operation>),
    /// An operation has changed its state.
    Changed(OperationId, OperationState),
    Planned(Box<ControlTask>),
    /// A task has changed its state.
    State(TaskId, TaskStep),
    /// A target is locked, with these facts.
    Locked(String, String),
    /// A target is unlocked.
    Unlocked(String),
    /// A line that cannot be compared with a row.
    Other,
}

/// A step in the state of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) struct TaskStep {
    pub state: TaskState,
    pub attempt: u32,
    #[serde(default)]
    pub end: Option<End>,
}

#[derive(Deserialize)]
struct LineHead<'a> {
    #[serde(rename = "at")]
    _at: Timestamp,
    what: &'a str,
}

#[derive(Deserialize)]
struct RequestedLine {
    operation: Box<Operation>,
}

#[derive(Deserialize)]
struct ChangedLine {
    operation: OperationId,
    state: OperationState,
}

#[derive(Deserialize)]
struct StateLine {
    task: TaskId,
    state: TaskState,
    attempt: u32,
    #[serde(default)]
    end: Option<End>,
}

#[derive(Deserialize)]
struct LockedLine<'a> {
    target: String,
    #[serde(borrow)]
    lock: Option<&'a RawValue>,
}

pub(super) fn parse(text: &str) -> Result<TrailLine, serde_json::Error> {
    let head: LineHead<'_> = serde_json::from_str(text)?;
    Ok(match head.what {
        "operation.requested" => {
            let requested: RequestedLine = serde_json::from_str(text)?;
            TrailLine::Requested(requested.operation)
        }
        "operation.changed" => {
            let changed: ChangedLine = serde_json::from_str(text)?;
            TrailLine::Changed(changed.operation, changed.state)
        }
        "task.planned" => TrailLine::Planned(serde_json::from_str(text)?),
        "task.state" => {
            let StateLine {
                task,
                state,
                attempt,
                end,
            } = serde_json::from_str(text)?;
            let standing = TaskStep {
                state,
                attempt,
                end,
            };
            TrailLine::State(task, standing)
        }
        "target.locked" => {
            let locked: LockedLine<'_> = serde_json::from_str(text)?;
            let lock = locked.lock.map_or("", RawValue::get);
            TrailLine::Locked(locked.target, lock.to_owned())
        }
        "target.unlocked" => {
            let unlocked: LockedLine<'_> = serde_json::from_str(text)?;
            TrailLine::Unlocked(unlocked.target)
        }
        _ => TrailLine::Other,
    })
}
