//! Relations between targets, and the topology around one.

use serde::{Deserialize, Serialize};
use utakata_model::{Relation, RelationKind, TargetName};
use utoipa::ToSchema;

use crate::{alarm::AlarmView, inventory::Health};

/// A relation as declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RelationView {
    /// The text that names it: `feeds pdu-1:3 bmc-1`.
    pub name: String,
    /// The relation.
    #[serde(flatten)]
    pub relation: Relation,
}

/// Everything around a target: what it depends on, as far up as it goes, and what depends on it
/// directly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Topology {
    /// The target in the middle.
    pub around: TargetName,
    /// The targets, that in the middle first.
    pub nodes: Vec<TopologyNode>,
    /// The relations between them.
    pub edges: Vec<TopologyEdge>,
    /// True if there is more than is shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// A target in a topology.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TopologyNode {
    /// The name of the target.
    pub target: TargetName,
    /// The health of the target.
    pub health: Health,
    /// Its last problem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The rack, row and room that contain it, from its labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<String>,
    /// Its active alarms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<AlarmView>,
}

/// A relation between two targets of a topology.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TopologyEdge {
    /// The kind of relation.
    pub relation: RelationKind,
    /// The source.
    pub from: TargetName,
    /// The destination.
    pub to: TargetName,
    /// The outlet of the source through which it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlet: Option<String>,
    /// The state of the outlet, where it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlet_state: Option<String>,
    /// True if it follows from labels and is not declared.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub derived: bool,
}
