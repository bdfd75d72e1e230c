//! Environments, and the orders to them.

use serde::{Deserialize, Serialize};
use utakata_model::{
    EnvironmentId, EnvironmentStatus, Kind, Order, Orders, Problem, ReleaseId, Scope,
    desired::ScopeFields,
};
use utoipa::ToSchema;

/// An environment: its own report, and the orders to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentView {
    /// The status that it publishes.
    #[serde(flatten)]
    pub status: EnvironmentStatus,
    /// The orders addressed to it. They take effect when it receives them: see `stopped`.
    #[serde(default, skip_serializing_if = "Orders::is_empty")]
    pub orders: Orders,
    /// The orders addressed to something that it belongs to: its zone, its kinds, its releases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub standing: Vec<Suspension>,
    /// The parts of its status that are ignored, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<IgnoredClaim>,
    /// Problems that its own status does not show, such as another process running under its name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

/// A part of an environment's status that is ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IgnoredClaim {
    /// The release that it is about. Absent: the whole status is ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseId>,
    /// The reason why it is ignored.
    pub problem: Problem,
}

/// An order to stop, and its scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Suspension {
    /// The scope of the order.
    #[schema(value_type = ScopeFields)]
    pub scope: Scope,
    /// The order: the manner, the person, the time and the reason.
    #[serde(flatten)]
    pub order: Order,
}

/// Body of `POST /v1/orders/pause`, `.../drain` and `.../resume`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSuspension {
    /// The scope of the order.
    #[schema(value_type = ScopeFields)]
    pub scope: Scope,
    /// A reason for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub why: Option<String>,
}

/// The order that now applies to a zone, kind, environment or release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SuspensionView {
    /// The scope of the order.
    #[schema(value_type = ScopeFields)]
    pub scope: Scope,
    /// The revision of the order. Environments report in `desired` which revision they have
    /// received.
    pub revision: u64,
    /// The order. Absent: work goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// The running environments that it concerns.
    pub environments: Vec<EnvironmentId>,
    /// Other orders by which a part of it, or something that it belongs to, is still stopped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Suspension>,
}

/// Body of `POST /v1/environments/{id}/pause`, `.../drain` and `.../resume`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// The only kind to stop. Absent means everything that the environment does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// A reason for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub why: Option<String>,
}

/// The orders that now apply to an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrdersView {
    /// The environment that has the orders.
    pub environment: EnvironmentId,
    /// The revision of the orders. The environment reports in `desired` which revision it has
    /// received.
    pub revision: u64,
    /// The orders. Empty: everything runs.
    #[serde(default, skip_serializing_if = "Orders::is_empty")]
    pub orders: Orders,
}
