//! Batches of the ledger: all of one is written, or nothing.

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_api::ledger::{AttemptView, Attribution, Lock};
use utakata_model::{
    Operation, OperationId, Outcome, ReadingValue, TargetName, TaskId, TaskState,
    operation::OperationState,
};
use utakata_permit::life::{End, Holder};

use super::{ControlTask, Fence};
use crate::pace::StopRule;

/// Changes of the ledger that are written together.
#[derive(Debug, Clone, Default)]
pub struct WriteBatch {
    /// New operations, with their keys.
    pub operations: Vec<(Operation, Option<String>)>,
    /// New tasks.
    pub tasks: Vec<ControlTask>,
    /// The progress of operations.
    pub operation_progress: IndexMap<OperationId, OperationProgress>,
    /// The progress of tasks, also of those that are new in this batch.
    pub task_progress: IndexMap<TaskId, TaskProgress>,
    /// Targets that are locked now, or no longer.
    pub locks: IndexMap<TargetName, Option<Lock>>,
    /// The audit trail's next page.
    pub audit: Option<AuditPage>,
    /// The lease under which it is written, where there are several who could.
    pub under: Option<Fence>,
    /// Takes account of a [`gap`](super::Audit::gap): from then on there is none.
    pub closes_gap: bool,
}

/// The progress of an operation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OperationProgress {
    /// In one word.
    pub state: OperationState,
    /// Set once all its tasks have ended.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_over: bool,
    /// The stop after failures: whether it has come, and when it will.
    pub stop: StopRule,
    /// The approval, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved: Option<Attribution>,
    /// The last pause, resumption or cancellation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<Attribution>,
}

/// The progress of a task.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TaskProgress {
    /// In one word.
    pub state: TaskState,
    /// The number of the current attempt, from 1.
    pub attempt: u32,
    /// Until when it may begin; absent until it is its turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// Set once somebody has cancelled it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_cancelled: bool,
    /// Set where an earlier attempt may have done it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_in_doubt: bool,
    /// The holder of the permit of the current attempt, present or past.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// Set once it was seen in what it must pass through, after it was said to be done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_passed: bool,
    /// Its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
    /// The value that the target had before, where the action can be undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior: Option<ReadingValue>,
    /// The attempts so far, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptView>,
    /// The last outcome that was believed; written to a place of its own.
    #[serde(skip)]
    pub outcome: Option<Outcome>,
}

/// A page of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPage {
    /// The number, from 1.
    pub page: u64,
    /// SHA-256 of the hash before and of the body, in hexadecimal.
    pub hash: String,
    /// One JSON object a line.
    pub body: String,
}

impl WriteBatch {
    /// Returns true where there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
            && self.tasks.is_empty()
            && self.operation_progress.is_empty()
            && self.task_progress.is_empty()
            && self.locks.is_empty()
            && self.audit.is_none()
            && !self.closes_gap
    }

    /// Adds a newer batch: this one was to be written before it, and was not.
    pub fn absorb(&mut self, newer: Self) {
        self.operations.extend(newer.operations);
        self.tasks.extend(newer.tasks);
        self.operation_progress.extend(newer.operation_progress);
        self.task_progress.extend(newer.task_progress);
        self.locks.extend(newer.locks);
        self.closes_gap |= newer.closes_gap;
    }
}

impl OperationProgress {
    /// Nothing more comes of it.
    pub fn done() -> Self {
        Self {
            state: OperationState::Done,
            is_over: true,
            ..Self::default()
        }
    }
}

impl Default for TaskProgress {
    /// Planned, and not yet its turn.
    fn default() -> Self {
        Self {
            state: TaskState::Planned,
            attempt: 1,
            expires: None,
            is_cancelled: false,
            is_in_doubt: false,
            holder: None,
            has_passed: false,
            end: None,
            prior: None,
            attempts: Vec::new(),
            outcome: None,
        }
    }
}
