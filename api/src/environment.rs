//! Environments, and the orders to them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{
    EnvironmentId, EnvironmentKey, EnvironmentStatus, Kind, Order, Orders, PersonName, Problem,
    ReleaseId, Scope, Zone, desired::ScopeFields,
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
    /// The acceptance of its key. Absent: it has none, and is lent no credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrolment: Option<EnrolmentView>,
}

/// The acceptance of an environment's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnrolmentView {
    /// The fingerprint of its key. The environment logs it when it starts.
    pub fingerprint: String,
    /// The state of the key.
    pub state: EnrolmentState,
    /// The person who accepted or revoked it. Absent: it waits, or was accepted by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<PersonName>,
    /// The time since which it is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub since: Option<Timestamp>,
}

/// The state of the key of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EnrolmentState {
    /// Credentials of its zone are lent to it.
    Accepted,
    /// It takes no tasks until somebody accepts it.
    Waiting,
    /// It was accepted, and is not any more.
    Revoked,
}

/// The decision of a site about the key of an environment, as the store has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Trust {
    /// It was known before environments had keys: the first one that it reports is accepted.
    Expected,
    /// Credentials are sealed to this key.
    Accepted(TrustedKey),
    /// This key is not accepted again but by a person.
    Revoked(TrustedKey),
}

/// A key, and who has decided about it when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedKey {
    /// The public key.
    pub key: EnvironmentKey,
    /// The person; absent if it was decided by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<PersonName>,
    /// The time of the decision.
    pub since: Timestamp,
}

/// Body of `POST /v1/environments/{id}/accept`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAcceptance {
    /// The fingerprint that its key must have. Absent: whichever it reports now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 100)]
    pub fingerprint: Option<String>,
}

/// The answer to the acceptance or revocation of an environment's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AcceptanceView {
    /// The environment.
    pub environment: EnvironmentId,
    /// The zone for which it is so.
    #[schema(value_type = String)]
    pub zone: Zone,
    /// The state of its key afterwards.
    pub enrolment: EnrolmentView,
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
