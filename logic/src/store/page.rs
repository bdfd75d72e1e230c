//! What is written together: all of it, or nothing.

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_api::ledger::{AttemptView, Lock, Said};
use utakata_model::{
    Operation, OperationId, Outcome, ReadingValue, TargetName, TaskId, TaskState,
    operation::OperationState,
};
use utakata_permit::life::{End, Holder};

use super::{ControlTask, Fence};
use crate::pace::StopRule;

/// What is written together.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// New operations, with their keys.
    pub operations: Vec<(Operation, Option<String>)>,
    /// New tasks.
    pub tasks: Vec<ControlTask>,
    /// Where operations stand now.
    pub operation_progress: IndexMap<OperationId, OperationProgress>,
    /// Where tasks stand now: of a task that is new in this page, too.
    pub task_progress: IndexMap<TaskId, TaskProgress>,
    /// Targets that are locked now, or no longer.
    pub locks: IndexMap<TargetName, Option<Lock>>,
    /// The audit trail's next page.
    pub audit: Option<AuditPage>,
    /// The lease under which it is written, where there are several who could.
    pub under: Option<Fence>,
    /// Takes account of a [`gap`](super::Store::gap): from then on there is none.
    pub closes_gap: bool,
}

/// Where an operation stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OperationProgress {
    /// In one word.
    pub state: OperationState,
    /// Whether all its tasks have ended.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_over: bool,
    /// Whether it has stopped after failures, and when it will.
    pub stop: StopRule,
    /// Who approved it, and when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved: Option<Said>,
    /// Who paused, resumed or cancelled it last, and when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<Said>,
}

/// Where a task stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TaskProgress {
    /// In one word.
    pub state: TaskState,
    /// Which try at it this is, from 1.
    pub attempt: u32,
    /// Until when it may begin; absent until it is its turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// Whether somebody took it back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_cancelled: bool,
    /// Whether an earlier attempt may have done it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_in_doubt: bool,
    /// Who has the permit of the current attempt, or had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// Whether it was seen in what it must pass through, since it was said to be done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_passed: bool,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
    /// What the target had before, where the action can be undone.
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
    /// Its number, from 1.
    pub page: u64,
    /// SHA-256 of the hash before and of the body, in hexadecimal.
    pub hash: String,
    /// One JSON object a line.
    pub body: String,
}

impl Page {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
            && self.tasks.is_empty()
            && self.operation_progress.is_empty()
            && self.task_progress.is_empty()
            && self.locks.is_empty()
            && self.audit.is_none()
            && !self.closes_gap
    }

    /// What was to be written before another page, and was not, is written with it.
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
