//! Reads on demand and control: one action on the selected targets.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utakata_model::{
    ActionName, MetricName, Operation, OperationId, OperationState, Pace, Priority, ReadingValue,
    ReleaseId, Selector, TargetName, duration,
};
use utoipa::ToSchema;

use crate::{ledger::Attribution, task::TaskView};

/// Body of `POST /v1/reads`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Read {
    /// The targets that are meant.
    pub selector: Selector,
    /// The observe action; absent means the default of each target's kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionName>,
    /// Its parameters.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub parameters: Map<String, Value>,
    /// The time for which to wait for the outcomes before answering; 0s answers at once. At most
    /// 60s.
    #[serde(default, with = "duration")]
    #[schema(value_type = String, example = "10s")]
    pub wait: Duration,
}

/// Body of `POST /v1/operations`: control.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// The targets that are meant. Everything must be asked for in words, as `name` (which all
    /// have).
    pub selector: Selector,
    /// The control action.
    pub action: ActionName,
    /// Its parameters.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub parameters: Map<String, Value>,
    /// Only tell what would be done.
    #[serde(default)]
    pub dry_run: bool,
    /// The token of a plan that was shown: nothing is done if it would be something else now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// The number of targets that is expected: nothing is done if it would be another number. Many
    /// must be expected, or planned first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<u64>,
    /// A key of the asker's own: what is asked again under the same key is done once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200)]
    pub key: Option<String>,
    /// The number of targets at a time, their order, and when it is enough.
    #[serde(default)]
    pub pace: Pace,
    /// The rank among those who want the same target.
    #[serde(default)]
    pub priority: Priority,
    /// The time for which a task may wait for its target once it is its turn; absent: as
    /// configured.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "duration::option"
    )]
    #[schema(value_type = Option<String>, example = "60s")]
    pub within: Option<Duration>,
    /// The reason, for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The time for which to wait for the outcomes before answering; 0s answers at once. At most
    /// 60s.
    #[serde(default, with = "duration")]
    #[schema(value_type = String, example = "10s")]
    pub wait: Duration,
}

/// A preview of an operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Plan {
    /// Give this back as `plan`, and exactly this is done, or nothing.
    pub token: String,
    /// `true` if somebody else than who asks has to approve it.
    pub needs_approval: bool,
    /// An operation on more targets than this must say that it means them.
    pub many: u64,
    /// One for each target.
    pub targets: Vec<PlannedTask>,
}

/// A preview of one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlannedTask {
    /// The target.
    pub target: TargetName,
    /// The release that would do it.
    pub release: ReleaseId,
    /// The value that the action would change, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub today: Option<ReadingValue>,
    /// The metric of which that is a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<MetricName>,
    /// Its unit in UCUM; empty for a state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub unit: Option<Arc<str>>,
}

/// An operation and how far it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OperationView {
    /// The operation, as it was asked for.
    #[serde(flatten)]
    pub operation: Operation,
    /// The number of tasks in each state.
    pub counts: Counts,
    /// Its state; of control only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<OperationState>,
    /// The approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<Attribution>,
    /// The last pause, resumption or cancellation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Attribution>,
    /// The operations that take it back, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undone_by: Vec<OperationId>,
    /// `true` if this answers a request under a key that was used before: nothing was done again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_known: bool,
    /// The tasks, where they were waited for: at most 1000, see `/v1/tasks?operation=` for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<TaskView>,
}

/// The number of tasks in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[allow(missing_docs, reason = "each is the state of that name")]
pub struct Counts {
    pub planned: u64,
    pub queued: u64,
    pub permitted: u64,
    pub verifying: u64,
    pub unknown: u64,
    pub unsettled: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub expired: u64,
    pub cancelled: u64,
    /// Of those that succeeded, the reads of which a part is missing.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub partial: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Body of `POST /v1/operations/{id}/undo`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Undo {
    /// Only tell what would be done.
    pub dry_run: bool,
    /// The token of a plan that was shown: nothing is done if it would be something else now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// The number of targets that is expected: nothing is done if it would be another number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<u64>,
    /// The pace; absent: that of the operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pace: Option<Pace>,
    /// The rank among those who want the same target.
    pub priority: Priority,
    /// The reason, for the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Answer to `POST /v1/operations/{id}/undo`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum UndoAnswer {
    /// It was only asked what would be done.
    Plan(UndoPlan),
    /// It is written down and on its way.
    Undone(Undone),
}

/// A preview of the operations that would take another back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UndoPlan {
    /// Give this back as `plan`, and exactly this is done, or nothing.
    pub token: String,
    /// `true` if somebody else than who asks has to approve it.
    pub needs_approval: bool,
    /// An operation on more targets than this must say that it means them.
    pub many: u64,
    /// One operation for each action and its parameters.
    pub steps: Vec<UndoStep>,
    /// The targets at which nothing would be done.
    pub left_out: Vec<LeftOut>,
    /// The operations that take it back already, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undone_by: Vec<OperationId>,
}

/// One action that takes something back, on the targets where it does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UndoStep {
    /// The action.
    pub action: ActionName,
    /// Its parameters.
    #[schema(value_type = Object)]
    pub parameters: Map<String, Value>,
    /// One for each target.
    pub targets: Vec<PlannedTask>,
}

/// A target at which nothing is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeftOut {
    /// The target.
    pub target: TargetName,
    /// The reason.
    pub why: String,
}

/// The operations that take another back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Undone {
    /// The operations that do.
    pub operations: Vec<OperationView>,
    /// The targets at which nothing is done.
    pub left_out: Vec<LeftOut>,
}

/// Answer to `POST /v1/operations`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ControlAnswer {
    /// It was only asked what would be done.
    Plan(Plan),
    /// It is written down and on its way.
    Operation(Box<OperationView>),
}
