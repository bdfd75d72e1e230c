//! Orders, desired kinds and rollouts as they are kept.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use utakata_api::rollout::{KindAssignment, Rollout};
use utakata_model::{EnvironmentId, Kind, Order, RolloutId, Scope, Zone};

use super::Error;

/// Orders for environments, what is asked of kinds, and rollouts.
#[async_trait]
pub trait Desired: Send + Sync {
    /// The orders for environments.
    async fn orders(&self) -> Result<Orders, Error>;

    /// Writes the revision of the orders, and what is asked of an environment in place of what
    /// was (nothing, where its orders are empty), all or nothing.
    async fn put_order(&self, revision: u64, row: Option<&OrderRow>) -> Result<(), Error>;

    /// Writes the revision of the orders, and the order for a zone, a kind or a release in place
    /// of the one that was (`None`: none), all or nothing.
    async fn put_standing(
        &self,
        revision: u64,
        scope: &Scope,
        order: Option<&Order>,
    ) -> Result<(), Error>;

    /// The desired state of kinds, and the rollouts that are open.
    async fn kinds_desired(&self) -> Result<KindsDesired, Error>;

    /// Writes the revision of what is asked, and of a kind and a rollout what is given, in place
    /// of what was, all or nothing.
    async fn put_rollout(
        &self,
        revision: u64,
        kind: Option<&KindRow>,
        rollout: Option<&Rollout>,
    ) -> Result<(), Error>;

    /// Rollouts, newest first, those before `before` if given.
    async fn rollouts(&self, before: Option<RolloutId>, max: u32) -> Result<Vec<Rollout>, Error>;

    /// A rollout.
    async fn rollout(&self, id: RolloutId) -> Result<Option<Rollout>, Error>;
}

/// The orders for environments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Orders {
    /// The last revision; 0 when nothing was ever asked.
    pub revision: u64,
    /// Those of which anything is asked, by name.
    pub rows: Vec<OrderRow>,
    /// The orders for zones, kinds and releases.
    pub standing: BTreeMap<Scope, Order>,
}

/// The orders for an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRow {
    /// The environment that has the orders.
    pub environment: EnvironmentId,
    /// The zone that it had when it was last asked something.
    pub zone: Zone,
    /// The orders, or what is desired.
    pub orders: utakata_model::Orders,
}

/// The desired state of kinds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KindsDesired {
    /// Those of which anything was ever asked, by name.
    pub kinds: Vec<KindRow>,
    /// The rollouts that are open, oldest first.
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
