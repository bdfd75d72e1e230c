//! Reads on demand and control: one action on the selected targets.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utakata_model::{ActionName, Operation, ReleaseId, Selector, TargetName, duration};
use utoipa::ToSchema;

use crate::task::TaskView;

/// Body of `POST /v1/reads`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Read {
    /// Which targets.
    pub selector: Selector,
    /// The observe action; absent means the default of each target's kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionName>,
    /// Its parameters.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub parameters: Map<String, Value>,
    /// How long to wait for the outcomes before answering; 0s answers at once. At most 60s.
    #[serde(default, with = "duration")]
    #[schema(value_type = String, example = "10s")]
    pub wait: Duration,
}

/// Body of `POST /v1/operations`: control.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Which targets. Everything must be asked for in words, as `name` (which all have).
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
    /// Why, for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How long to wait for the outcomes before answering; 0s answers at once. At most 60s.
    #[serde(default, with = "duration")]
    #[schema(value_type = String, example = "10s")]
    pub wait: Duration,
}

/// What would be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Plan {
    /// One for each target.
    pub targets: Vec<PlannedTask>,
}

/// What would be done to one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlannedTask {
    /// The target.
    pub target: TargetName,
    /// The release that would do it.
    pub release: ReleaseId,
}

/// An operation and how far it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OperationView {
    /// What was asked for.
    #[serde(flatten)]
    pub operation: Operation,
    /// How many tasks there are in each state.
    pub counts: Counts,
    /// The tasks, where they were waited for: at most 1000, see `/v1/tasks?operation=` for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<TaskView>,
}

/// How many tasks there are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[allow(missing_docs, reason = "each is the state of that name")]
pub struct Counts {
    pub planned: u64,
    pub queued: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub unknown: u64,
    pub expired: u64,
    pub cancelled: u64,
}

/// Answer to `POST /v1/operations`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ControlAnswer {
    /// It was only asked what would be done.
    Plan(Plan),
    /// It is written down and on its way.
    Operation(OperationView),
}
