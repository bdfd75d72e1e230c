//! Batches of the ledger: each is written completely or not at all.

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_api::ledger::{AttemptView, Attribution, Lock};
use utakata_model::{
    Operation, OperationId, Outcome, ReadingValue, TargetName, TaskId, TaskState,
    operation::OperationState,
};
use utakata_permit::life::{End, Holder};

use super::{AlarmWrites, ControlTask, Fence, KeyedWrites, PolicyLogWrites};
use crate::pace::StopRule;

/// Changes to the ledger that are written together.
#[derive(Debug, Clone, Default)]
pub struct WriteBatch {
    /// New operations, with their keys.
    pub operations: Vec<(Operation, Option<String>)>,
    /// New tasks.
    pub tasks: Vec<ControlTask>,
    /// The progress of operations.
    pub operation_progress: IndexMap<OperationId, OperationProgress>,
    /// The progress of tasks, including those new in this batch.
    pub task_progress: IndexMap<TaskId, TaskProgress>,
    /// Targets that were locked or unlocked.
    pub locks: IndexMap<TargetName, Option<Lock>>,
    /// Changes to alarms.
    pub alarms: AlarmWrites,
    /// The memory of gates.
    pub gate: KeyedWrites,
    /// The memory of policies.
    pub policies: KeyedWrites,
    /// The states of policies as they changed.
    pub policy_log: PolicyLogWrites,
    /// The next page of the audit trail.
    pub audit: Option<AuditPage>,
    /// The lease under which it is written, if several could write.
    pub under: Option<Fence>,
    /// Closes a [`gap`](super::Audit::gap) in the ledger.
    pub closes_gap: bool,
}

/// The progress of an operation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OperationProgress {
    /// The state in one word.
    pub state: OperationState,
    /// Set once all its tasks have ended.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_over: bool,
    /// The rule that stops it after failures, and its state.
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
    /// The state in one word.
    pub state: TaskState,
    /// The number of the current attempt, from 1.
    pub attempt: u32,
    /// The time until which it may begin; absent before its turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// Set once somebody has cancelled it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_cancelled: bool,
    /// True if an earlier attempt may have done it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_in_doubt: bool,
    /// The holder, present or past, of the permit of the current attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// True if it passed through its required state after success was reported.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_passed: bool,
    /// Present as long as its target may still settle it, although it was left to a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late: Option<LateReadBack>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
    /// The value that the target had before, where the action can be undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior: Option<ReadingValue>,
    /// The attempts so far, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptView>,
    /// The last accepted outcome; written to a separate column.
    #[serde(skip)]
    pub outcome: Option<Outcome>,
}

/// A target that may still settle a task that was left to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateReadBack {
    /// The time at which it was left to a person.
    pub since: Timestamp,
    /// True if success was reported.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_reported: bool,
}

/// A page of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPage {
    /// The number, from 1.
    pub page: u64,
    /// SHA-256 of the previous hash and the body, in hexadecimal.
    pub hash: String,
    /// One JSON object per line.
    pub body: String,
}

impl WriteBatch {
    /// Returns true if there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
            && self.tasks.is_empty()
            && self.operation_progress.is_empty()
            && self.task_progress.is_empty()
            && self.locks.is_empty()
            && self.alarms.is_empty()
            && self.gate.is_empty()
            && self.policies.is_empty()
            && self.policy_log.is_empty()
            && self.audit.is_none()
            && !self.closes_gap
    }

    /// Merges a newer batch into this one, which was to be written before it and was not.
    pub fn absorb(&mut self, newer: Self) {
        self.operations.extend(newer.operations);
        self.tasks.extend(newer.tasks);
        self.operation_progress.extend(newer.operation_progress);
        self.task_progress.extend(newer.task_progress);
        self.locks.extend(newer.locks);
        self.alarms.absorb(newer.alarms);
        self.gate.absorb(newer.gate);
        self.policies.absorb(newer.policies);
        self.policy_log.absorb(newer.policy_log);
        self.closes_gap |= newer.closes_gap;
    }
}

impl OperationProgress {
    /// The progress of a task that is complete.
    pub fn done() -> Self {
        Self {
            state: OperationState::Done,
            is_over: true,
            ..Self::default()
        }
    }
}

impl Default for TaskProgress {
    /// The progress of a planned task before its turn.
    fn default() -> Self {
        Self {
            state: TaskState::Planned,
            attempt: 1,
            expires: None,
            is_cancelled: false,
            is_in_doubt: false,
            holder: None,
            has_passed: false,
            late: None,
            end: None,
            prior: None,
            attempts: Vec::new(),
            outcome: None,
        }
    }
}
