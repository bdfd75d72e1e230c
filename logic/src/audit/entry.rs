//! The lines of the audit trail.

use jiff::Timestamp;
use serde::Serialize;
use utakata_api::ledger::{Lock, Said};
use utakata_model::{Operation, Outcome, TaskId, TaskState};
use utakata_permit::{
    Evidence,
    life::{End, Holder},
};

use crate::store::ControlTask;

/// What is written to the trail.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "what")]
pub enum Entry<'a> {
    /// Somebody asked for something.
    #[serde(rename = "operation.asked")]
    Asked {
        /// What.
        operation: &'a Operation,
    },
    /// Somebody approved, paused, resumed or cancelled an operation, or it stopped itself.
    #[serde(rename = "operation.changed")]
    Changed {
        /// Which.
        operation: String,
        /// What it is now.
        state: &'static str,
        /// Who.
        said: &'a Said,
    },
    /// A task was made.
    #[serde(rename = "task.planned")]
    Planned {
        /// The task.
        #[serde(flatten)]
        task: &'a ControlTask,
    },
    /// An attempt was permitted.
    #[serde(rename = "task.permitted")]
    Permitted {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: u32,
        /// To whom.
        holder: &'a Holder,
    },
    /// An outcome came.
    #[serde(rename = "task.outcome")]
    Outcome {
        /// As it came.
        outcome: &'a Outcome,
        /// Whether it changed anything: not where it came twice, late, or from somebody else.
        counts: bool,
    },
    /// The target was read back.
    #[serde(rename = "task.read-back")]
    ReadBack {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: u32,
        /// What it showed.
        evidence: Evidence,
    },
    /// A person said what became of a task, or took it back.
    #[serde(rename = "task.settled")]
    Settled {
        /// The task.
        task: TaskId,
        /// As what.
        state: &'static str,
        /// Who.
        said: &'a Said,
    },
    /// The ledger may lack what was done before this: it came from a backup, or pages of it were
    /// lost. What had not ended is left to a person.
    #[serde(rename = "ledger.gap")]
    Gap {
        /// How many tasks that are.
        unsettled: usize,
    },
    /// A task is in another state.
    #[serde(rename = "task.state")]
    State {
        /// The task.
        task: TaskId,
        /// The attempt.
        attempt: u32,
        /// The state.
        state: TaskState,
        /// How it ended, if it has.
        #[serde(skip_serializing_if = "Option::is_none")]
        end: Option<End>,
    },
    /// A person took a target for himself.
    #[serde(rename = "target.locked")]
    Locked {
        /// The target.
        target: &'a str,
        /// How.
        lock: &'a Lock,
    },
    /// A target is free again.
    #[serde(rename = "target.unlocked")]
    Unlocked {
        /// The target.
        target: &'a str,
        /// Who freed it.
        said: &'a Said,
    },
}

#[derive(Serialize)]
struct Line<'a> {
    at: Timestamp,
    #[serde(flatten)]
    entry: &'a Entry<'a>,
}

/// Adds a line. What cannot be written as JSON, which none of these types can be, is left out
/// with an error in the log.
pub(super) fn write(to: &mut String, at: Timestamp, entry: &Entry<'_>) {
    match serde_json::to_string(&Line { at, entry }) {
        Ok(line) => {
            to.push_str(&line);
            to.push('\n');
        }
        Err(error) => tracing::error!(%error, "a line of the audit trail cannot be written"),
    }
}
