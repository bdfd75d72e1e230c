//! Environments, and what is asked of them.

use serde::{Deserialize, Serialize};
use utakata_model::{EnvironmentId, EnvironmentStatus, Kind, Orders};
use utoipa::ToSchema;

/// An environment: what it tells of itself, and what is asked of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentView {
    /// What it tells of itself.
    #[serde(flatten)]
    pub status: EnvironmentStatus,
    /// What of it people have stopped. It does so when it hears of it: see `stopped`.
    #[serde(default, skip_serializing_if = "Orders::is_empty")]
    pub orders: Orders,
}

/// Body of `POST /v1/environments/{id}/pause`, `.../drain` and `.../resume`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// Only this kind. Absent means everything that the environment does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Why, for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub why: Option<String>,
}

/// What is asked of an environment now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrdersView {
    /// The environment.
    pub environment: EnvironmentId,
    /// The revision; the environment tells as `desired` which one it has heard of.
    pub revision: u64,
    /// What of it is to be stopped; without it, everything runs.
    #[serde(default, skip_serializing_if = "Orders::is_empty")]
    pub orders: Orders,
}
