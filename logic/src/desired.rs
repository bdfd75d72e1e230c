//! The desired state of environments: pauses, drains, resumptions, and the releases that serve each
//! kind.
//!
//! ```text
//! people, rollouts ─► command ─► decide (pure) ─► store ─► desired/<zone>
//! ```
//!
//! It is recorded, published for each zone under a growing revision, and received by environments
//! whenever they are there.

mod networks;
pub mod orders;
mod pins;
mod publish;
pub mod rollouts;
mod state;
mod zones;

use std::sync::Arc;

use parking_lot::{RwLock, RwLockReadGuard};
use tokio::sync::{Mutex, Notify};
use utakata_api::{
    environment::Suspension,
    rollout::{KindAssignment, Rollout},
};
use utakata_model::{
    Desired as ZoneDesired, EnvironmentState, EnvironmentStatus, Kind, ReleaseDigest,
};

pub use pins::PinTable;
pub use publish::publish;
pub use state::{Command, Context, DesiredChange, DesiredPart, DesiredState};

use crate::{kinds::Kinds, store};

/// The desired state, in memory and in the store.
pub struct Desired {
    store: Arc<dyn store::Desired>,
    kinds: Arc<Kinds>,
    /// The state as stored.
    state: RwLock<DesiredState>,
    /// Held while the store is written, so that both see the changes in the same order.
    writing: Mutex<()>,
    /// The releases that targets keep, for the makers of tasks.
    pins: PinTable,
    changed: Notify,
    unheard: Notify,
}

impl Desired {
    /// Loads the desired state from the store.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn load(
        store: Arc<dyn store::Desired>,
        kinds: Arc<Kinds>,
    ) -> Result<Self, store::Error> {
        let desired = Self {
            store,
            kinds,
            state: RwLock::default(),
            writing: Mutex::default(),
            pins: PinTable::default(),
            changed: Notify::new(),
            unheard: Notify::new(),
        };
        desired.reload().await?;
        Ok(desired)
    }

    /// Reloads changes that others have written.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn reload(&self) -> Result<(), store::Error> {
        let _writing = self.writing.lock().await;
        let orders = self.store.orders().await?;
        let of_kinds = self.store.kinds_desired().await?;
        let rows = orders.rows.into_iter();
        let kinds = of_kinds.kinds.into_iter();
        let open = of_kinds.open.into_iter();
        *self.state.write() = DesiredState {
            revision: orders.revision,
            environments: rows.map(|row| (row.environment.clone(), row)).collect(),
            scopes: orders.standing,
            kinds: kinds.map(|row| (row.kind, row.requested)).collect(),
            rollouts: open.map(|one| (one.kind.clone(), one)).collect(),
        };
        self.share_releases();
        self.changed.notify_one();
        Ok(())
    }

    /// Shares the desired releases with those that need them.
    fn share_releases(&self) {
        let state = self.state();
        self.pins.set(&state.kinds);
        let stable = state.kinds.iter().filter_map(|(kind, requested)| {
            let stable = requested.stable.as_ref()?;
            Some((kind.clone(), stable.digest.clone()))
        });
        self.kinds.prefer(stable.collect());
    }

    /// Carries out a command and returns its reply. When it returns, the change is recorded.
    ///
    /// # Errors
    /// Those of the command, or the store failed. Nothing was changed.
    pub async fn carry_out<C: Command>(&self, command: C) -> Result<C::Reply, C::Error> {
        self.carry_out_after(command, |_| ()).await
    }

    /// Like [`Self::carry_out`]; `first` is called once the change is recorded, before anybody sees
    /// it.
    async fn carry_out_after<C: Command>(
        &self,
        command: C,
        first: impl FnOnce(&C::Reply),
    ) -> Result<C::Reply, C::Error> {
        let _writing = self.writing.lock().await;
        let (change, reply) = {
            let context = self.context();
            command.decide(&self.state(), &context)?
        };
        if let Some(change) = change {
            self.write(&change).await?;
            first(&reply);
            self.state.write().make(change);
            self.share_releases();
            self.changed.notify_one();
        }
        Ok(reply)
    }

    fn context(&self) -> Context {
        Context {
            heard: self.kinds.environments(),
            counting: self.kinds.in_their_zones(),
            now: crate::clock::now(),
        }
    }

    async fn write(&self, change: &DesiredChange) -> Result<(), store::Error> {
        let (store, revision) = (&self.store, change.revision);
        match &change.part {
            DesiredPart::Environment(row) => store.put_order(revision, Some(row)).await,
            DesiredPart::Scope(scope, order) => {
                store.put_standing(revision, scope, order.as_ref()).await
            }
            DesiredPart::Kind { requested, rollout } => {
                let rollout = rollout.as_deref();
                store
                    .put_rollout(revision, requested.as_ref(), rollout)
                    .await
            }
            DesiredPart::Nothing => store.put_order(revision, None).await,
        }
    }

    /// Returns the present state. Release it soon: changes wait for it.
    pub fn state(&self) -> RwLockReadGuard<'_, DesiredState> {
        self.state.read()
    }

    /// Returns the desired state of a kind, and its rollout if one is under way.
    pub fn of_kind(&self, kind: &Kind) -> (KindAssignment, Option<Rollout>) {
        let state = self.state();
        (state.kind(kind), state.rollouts.get(kind).cloned())
    }

    /// Returns the rollouts that are not over.
    pub fn open_rollouts(&self) -> Vec<Rollout> {
        self.state().rollouts.values().cloned().collect()
    }

    /// Returns the users of a release, each in a few words.
    pub fn wanting(&self, digest: &ReleaseDigest) -> Vec<String> {
        self.state().wanting(digest)
    }

    /// Returns the releases that targets keep.
    pub fn pins(&self) -> PinTable {
        self.pins.clone()
    }

    /// Remembers the evidence of a rollout, and changes nothing.
    fn look_at(&self, rollout: Rollout) {
        let mut state = self.state.write();
        if let Some(open) = state.rollouts.get_mut(&rollout.kind)
            && open.id == rollout.id
        {
            *open = rollout;
        }
    }

    pub fn all_orders(&self) -> Vec<Suspension> {
        self.state().all_orders()
    }

    /// Returns the orders for zones, kinds and releases that concern an environment.
    pub fn orders_for(&self, status: &EnvironmentStatus) -> Vec<Suspension> {
        let state = self.state();
        let scopes = state.scopes.iter();
        let mine = scopes.filter(|(scope, _)| orders::concerns(scope, status));
        mine.map(|(scope, order)| Suspension {
            scope: scope.clone(),
            order: order.clone(),
        })
        .collect()
    }

    /// Returns the messages to publish, one per zone; none if nothing was ever ordered.
    fn zones(&self, networks: &networks::ZoneNetworks) -> Vec<ZoneDesired> {
        zones::zones(&self.state(), &self.kinds.environments(), networks)
    }

    /// Takes note of the status of an environment: if it has not received the latest revision, that
    /// is published again.
    pub fn on_status(&self, status: &EnvironmentStatus) {
        let revision = self.state().revision;
        let is_there = status.state != EnvironmentState::Gone;
        // An environment that has received none is up to date if nothing is ordered, and it does
        // not wait for networks.
        let is_waiting = status.needs_networks && status.desired.is_none();
        if is_there && (is_waiting || status.desired.unwrap_or_default() != revision) {
            self.unheard.notify_one();
        }
    }
}
