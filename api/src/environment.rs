//! Environments, and what is asked of them.

use serde::{Deserialize, Serialize};
use utakata_model::{
    EnvironmentId, EnvironmentStatus, Kind, Order, Orders, Problem, ReleaseId, Scope,
    desired::ScopeFields,
};
use utoipa::ToSchema;

/// An environment: what it tells of itself, and what is asked of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentView {
    /// The status that it publishes itself.
    #[serde(flatten)]
    pub status: EnvironmentStatus,
    /// The orders that it obeys. It does so when it hears of it: see `stopped`.
    #[serde(default, skip_serializing_if = "Orders::is_empty")]
    pub orders: Orders,
    /// The orders for something that it is a part of: its zone, kinds, releases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub standing: Vec<Suspension>,
    /// The parts of its status that do not count, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<IgnoredClaim>,
    /// Problems beyond those of its own status: another process runs under its name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

/// Something that an environment tells of itself and that does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IgnoredClaim {
    /// The release. Absent: nothing counts that it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseId>,
    /// The reason.
    pub problem: Problem,
}

/// An order, and what it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Suspension {
    /// The scope of the order.
    #[schema(value_type = ScopeFields)]
    pub scope: Scope,
    /// The order itself: how, by whom, since when, why.
    #[serde(flatten)]
    pub order: Order,
}

/// Body of `POST /v1/orders/pause`, `.../drain` and `.../resume`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSuspension {
    /// The scope of what is to stop, or to go on.
    #[schema(value_type = ScopeFields)]
    pub scope: Scope,
    /// The reason, for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub why: Option<String>,
}

/// The orders for a zone, a kind, an environment or a release now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SuspensionView {
    /// The scope.
    #[schema(value_type = ScopeFields)]
    pub scope: Scope,
    /// The revision; environments tell as `desired` which one they have heard of.
    pub revision: u64,
    /// The order; without it, it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// The environments that are there and have to do with it.
    pub environments: Vec<EnvironmentId>,
    /// Other orders by which a part of it, or what it is a part of, is stopped still.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Suspension>,
}

/// Body of `POST /v1/environments/{id}/pause`, `.../drain` and `.../resume`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// Only this kind. Absent means everything that the environment does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// The reason, for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub why: Option<String>,
}

/// The orders for an environment now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrdersView {
    /// The environment.
    pub environment: EnvironmentId,
    /// The revision; the environment tells as `desired` which one it has heard of.
    pub revision: u64,
    /// The orders; without it, everything runs.
    #[serde(default, skip_serializing_if = "Orders::is_empty")]
    pub orders: Orders,
}
