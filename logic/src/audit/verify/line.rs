//! Lines of the trail, as far as they can be compared with the ledger.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use utakata_model::{Operation, OperationId, OperationState, TaskId, TaskState};
use utakata_permit::life::End;

use crate::store::ControlTask;

/// What a line says.
pub(super) enum Line {
    /// Somebody asked for something.
    Asked(Box<Operation>),
    /// An operation is in another state.
    Changed(OperationId, OperationState),
    /// A task was made.
    Planned(Box<ControlTask>),
    /// A task is in another state.
    State(TaskId, Standing),
    /// A target is locked, so.
    Locked(String, String),
    /// A target is free.
    Unlocked(String),
    /// What cannot be compared.
    Other,
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) struct Standing {
    pub state: TaskState,
    pub attempt: u32,
    #[serde(default)]
    pub end: Option<End>,
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "at")]
    _at: Timestamp,
    what: &'a str,
}

#[derive(Deserialize)]
struct Asked {
    operation: Box<Operation>,
}

#[derive(Deserialize)]
struct Changed {
    operation: OperationId,
    state: OperationState,
}

#[derive(Deserialize)]
struct State {
    task: TaskId,
    state: TaskState,
    attempt: u32,
    #[serde(default)]
    end: Option<End>,
}

#[derive(Deserialize)]
struct Locked<'a> {
    target: String,
    #[serde(borrow)]
    lock: Option<&'a RawValue>,
}

/// What a line says.
pub(super) fn parse(text: &str) -> Result<Line, serde_json::Error> {
    let head: Head<'_> = serde_json::from_str(text)?;
    Ok(match head.what {
        "operation.asked" => {
            let asked: Asked = serde_json::from_str(text)?;
            Line::Asked(asked.operation)
        }
        "operation.changed" => {
            let changed: Changed = serde_json::from_str(text)?;
            Line::Changed(changed.operation, changed.state)
        }
        "task.planned" => Line::Planned(serde_json::from_str(text)?),
        "task.state" => {
            let State {
                task,
                state,
                attempt,
                end,
            } = serde_json::from_str(text)?;
            let standing = Standing {
                state,
                attempt,
                end,
            };
            Line::State(task, standing)
        }
        "target.locked" => {
            let locked: Locked<'_> = serde_json::from_str(text)?;
            let lock = locked.lock.map_or("", RawValue::get);
            Line::Locked(locked.target, lock.to_owned())
        }
        "target.unlocked" => {
            let unlocked: Locked<'_> = serde_json::from_str(text)?;
            Line::Unlocked(unlocked.target)
        }
        _ => Line::Other,
    })
}
