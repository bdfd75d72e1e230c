//! Stored orders, desired kinds and rollouts.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use utakata_api::rollout::{KindAssignment, Rollout};
use utakata_model::{EnvironmentId, Kind, Order, RolloutId, Scope, Zone};

use super::Error;

/// Orders for environments, desired states of kinds, and rollouts.
#[async_trait]
pub trait Desired: Send + Sync {
    /// Returns the orders for environments.
    async fn orders(&self) -> Result<Orders, Error>;

    /// Writes the revision of the orders, and replaces the orders of an environment (removing them
    /// if they are empty), all or nothing.
    async fn put_order(&self, revision: u64, row: Option<&OrderRow>) -> Result<(), Error>;

    /// Writes the revision of the orders, and replaces the order for a zone, a kind or a release
    /// (`None` removes it), all or nothing.
    async fn put_standing(
        &self,
        revision: u64,
        scope: &Scope,
        order: Option<&Order>,
    ) -> Result<(), Error>;

    /// Returns the desired state of kinds, and the open rollouts.
    async fn kinds_desired(&self) -> Result<KindsDesired, Error>;

    /// Writes the revision, and replaces a kind's desired state and a rollout as far as they are
    /// given, all or nothing.
    async fn put_rollout(
        &self,
        revision: u64,
        kind: Option<&KindRow>,
        rollout: Option<&Rollout>,
    ) -> Result<(), Error>;

    /// Returns rollouts, newest first, optionally only those before `before`.
    async fn rollouts(&self, before: Option<RolloutId>, max: u32) -> Result<Vec<Rollout>, Error>;

    async fn rollout(&self, id: RolloutId) -> Result<Option<Rollout>, Error>;
}

/// The orders for environments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Orders {
    /// The last revision; 0 if there has never been an order.
    pub revision: u64,
    /// The environments with orders, by name.
    pub rows: Vec<OrderRow>,
    /// The orders for zones, kinds and releases.
    pub standing: BTreeMap<Scope, Order>,
}

/// The orders for an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRow {
    /// The environment that has the orders.
    pub environment: EnvironmentId,
    /// The zone at the time of its last order.
    pub zone: Zone,
    /// The orders, or what is desired.
    pub orders: utakata_model::Orders,
}

/// The desired state of kinds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KindsDesired {
    /// The kinds that ever had a desired state, by name.
    pub kinds: Vec<KindRow>,
    /// The open rollouts, oldest first.
    pub open: Vec<Rollout>,
}

/// The desired state of a kind.
#[derive(Debug, Clone, PartialEq)]
pub struct KindRow {
    /// The name of the kind.
    pub kind: Kind,
    /// The orders, or what is desired.
    pub requested: KindAssignment,
}
