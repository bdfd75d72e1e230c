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
    /// The targets to read.
    pub selector: Selector,
    /// The observe action. Absent means the default action of each target's kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionName>,
    /// The parameters of the action.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub parameters: Map<String, Value>,
    /// The time to wait for outcomes before answering; 0s answers at once. At most 60s.
    #[serde(default, with = "duration")]
    #[schema(value_type = String, example = "10s")]
    pub wait: Duration,
    /// The age up to which the last values of a target are an answer, so that it is not asked
    /// again. They count if they are everything that the action reads, and nothing was missing; a
    /// read with parameters always asks.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "duration::option"
    )]
    #[schema(value_type = Option<String>, example = "60s")]
    pub max_age: Option<Duration>,
}

/// Body of `POST /v1/operations`: control of targets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// The targets to control. To select all of them, say so: `name` matches every target.
    pub selector: Selector,
    /// The name of the control action.
    pub action: ActionName,
    /// The parameters of the action.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub parameters: Map<String, Value>,
    /// `true` to return the plan without doing anything.
    #[serde(default)]
    pub dry_run: bool,
    /// The token of a plan that was shown. Nothing is done if the plan would now be different.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// The expected number of targets. Nothing is done if the selector matches another number.
    /// Large operations need either this or a plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<u64>,
    /// An idempotency key chosen by the client: a request repeated under the same key takes effect
    /// once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200)]
    pub key: Option<String>,
    /// The number of targets at a time, their order, and the number of failures at which to stop.
    #[serde(default)]
    pub pace: Pace,
    /// The priority among tasks that need the same target.
    #[serde(default)]
    pub priority: Priority,
    /// The time within which a task must begin once its turn has come, whatever it waits for.
    /// Absent: as configured.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "duration::option"
    )]
    #[schema(value_type = Option<String>, example = "60s")]
    pub within: Option<Duration>,
    /// A reason for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// `true` to override the envelopes that bind people. Needs a reason.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub break_glass: bool,
    /// The time to wait for outcomes before answering; 0s answers at once. At most 60s.
    #[serde(default, with = "duration")]
    #[schema(value_type = String, example = "10s")]
    pub wait: Duration,
}

/// A preview of an operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Plan {
    /// The token to send as `plan`, so that exactly this plan is carried out or nothing is.
    pub token: String,
    /// `true` if somebody other than the requester has to approve it.
    pub needs_approval: bool,
    /// An operation on more targets than this must state their number or be planned first.
    pub many: u64,
    /// The planned task of each target.
    pub targets: Vec<PlannedTask>,
    /// The targets that would lose every feed that they have: the first thousand of them. Only for
    /// actions of high risk.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unpowered: Vec<UnpoweredTarget>,
}

/// A target that would lose every feed that it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnpoweredTarget {
    /// The target that would lose its power.
    pub target: TargetName,
    /// Its feeds: each is one of the operation's targets, or loses every feed as well.
    pub feeds: Vec<TargetName>,
    /// `true` if one of them is known by labels alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_labels: bool,
}

/// A preview of one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlannedTask {
    /// The target of the task.
    pub target: TargetName,
    /// The release that would carry it out.
    pub release: ReleaseId,
    /// The value that the action would change, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub today: Option<ReadingValue>,
    /// The metric of that value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<MetricName>,
    /// The UCUM unit of that value; empty for a state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub unit: Option<Arc<str>>,
}

/// An operation and its progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OperationView {
    /// The operation as requested.
    #[serde(flatten)]
    pub operation: Operation,
    /// The number of tasks in each state.
    pub counts: Counts,
    /// The state of the operation. Only for control.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<OperationState>,
    /// The approval, if it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<Attribution>,
    /// The last pause, resumption or cancellation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Attribution>,
    /// The operations that undo it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undone_by: Vec<OperationId>,
    /// `true` if the request repeats an earlier one under the same key, so that nothing was done
    /// again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_known: bool,
    /// The tasks, if the request waited for them: at most 1000. See `/v1/tasks?operation=` for all.
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
    /// Of the reads that succeeded, the number of those with a part missing.
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
    /// `true` to return the plan without doing anything.
    pub dry_run: bool,
    /// The token of a plan that was shown. Nothing is done if the plan would now be different.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// The expected number of targets. Nothing is done if it would be another number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<u64>,
    /// The pace. Absent: that of the original operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pace: Option<Pace>,
    /// The priority among tasks that need the same target.
    pub priority: Priority,
    /// A reason for the record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Answer to `POST /v1/operations/{id}/undo`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum UndoAnswer {
    /// The plan, if the request was a dry run.
    Plan(UndoPlan),
    /// The operations, recorded and under way.
    Undone(Undone),
}

/// A preview of the operations that would undo another one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UndoPlan {
    /// The token to send as `plan`, so that exactly this plan is carried out or nothing is.
    pub token: String,
    /// `true` if somebody other than the requester has to approve it.
    pub needs_approval: bool,
    /// An operation on more targets than this must state their number or be planned first.
    pub many: u64,
    /// One operation for each combination of action and parameters.
    pub steps: Vec<UndoStep>,
    /// The targets where nothing would be undone.
    pub left_out: Vec<LeftOut>,
    /// The operations that already undo it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undone_by: Vec<OperationId>,
}

/// One action that undoes something, with its targets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UndoStep {
    /// The name of the action.
    pub action: ActionName,
    /// The parameters of the action.
    #[schema(value_type = Object)]
    pub parameters: Map<String, Value>,
    /// The planned task of each target.
    pub targets: Vec<PlannedTask>,
}

/// A target where nothing is undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeftOut {
    /// The name of the target.
    pub target: TargetName,
    /// The reason why it is left out.
    pub why: String,
}

/// The operations that undo another one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Undone {
    /// The new operations.
    pub operations: Vec<OperationView>,
    /// The targets where nothing is undone.
    pub left_out: Vec<LeftOut>,
}

/// Answer to `POST /v1/operations`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ControlAnswer {
    /// The plan, if the request was a dry run.
    Plan(Plan),
    /// The operation, recorded and under way.
    Operation(Box<OperationView>),
}
