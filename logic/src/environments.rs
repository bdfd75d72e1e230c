//! The zone of each environment, and the forgetting of environments that are gone for good.
//!
//! An environment belongs to the first zone that it reported. Its reports about another zone do not
//! count until it was forgotten, so that somebody who has taken it over cannot reach another hall.

use std::{sync::Arc, time::Duration};

use utakata_interconnect::{Event, Events};
use utakata_model::{EnvironmentId, EnvironmentState, EnvironmentStatus, Zone, suggest};

use crate::{
    desired::{Desired, orders::ForgetEnvironment},
    kinds::Kinds,
    store,
};

/// The silence after which an environment counts as gone: each reports every ten seconds.
const SILENT: Duration = Duration::from_secs(30);

/// A reason why an environment is not forgotten.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The environment is unknown.
    #[error("no environment \"{id}\" is known")]
    None {
        id: EnvironmentId,
        /// The nearest one, or all existing ones.
        hint: String,
    },
    /// The environment is running.
    #[error("the environment {id} is running, and would report again at once")]
    There { id: EnvironmentId },
    /// The others could not be informed.
    #[error("the status of {id} cannot be removed")]
    Events {
        id: EnvironmentId,
        source: utakata_interconnect::Error,
    },
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// The environments. Cheap to share.
pub struct Environments {
    store: Arc<dyn store::Environments>,
    events: Arc<dyn Events>,
    kinds: Arc<Kinds>,
    desired: Arc<Desired>,
}

impl Environments {
    /// Creates the environments of a store.
    pub fn new(
        store: Arc<dyn store::Environments>,
        events: Arc<dyn Events>,
        kinds: Arc<Kinds>,
        desired: Arc<Desired>,
    ) -> Self {
        Self {
            store,
            events,
            kinds,
            desired,
        }
    }

    /// Reloads the zones.
    ///
    /// # Errors
    /// The store failed.
    pub async fn reload(&self) -> Result<(), store::Error> {
        let zones = self.store.zones().await?;
        self.kinds.settle_zones(zones.into_iter().collect());
        Ok(())
    }

    /// Settles the zone of an environment that is new. While the store cannot be read, it is the
    /// reported one.
    pub async fn meet(&self, status: &EnvironmentStatus) {
        let (id, zone) = (&status.id, &status.zone);
        if self.kinds.zone_of(id).is_some() {
            return;
        }
        let met = async {
            self.store.put_zone(id, zone).await?;
            self.reload().await
        };
        if let Err(error) = met.await {
            tracing::warn!(environment = %id, %zone, %error, "its zone cannot be recorded now");
            self.kinds.settle_zone(id, zone);
        }
    }

    /// Sets the zone of this process's own environment, whatever was recorded before.
    ///
    /// # Errors
    /// The store failed.
    pub async fn own(&self, id: &EnvironmentId, zone: &Zone) -> Result<(), store::Error> {
        if self.kinds.zone_of(id).as_ref() == Some(zone) {
            return Ok(());
        }
        self.store.delete_zone(id).await?;
        self.store.put_zone(id, zone).await?;
        self.reload().await
    }

    /// Forgets an environment that is gone for good, or that has moved to another zone: its status,
    /// its zone, its orders.
    ///
    /// # Errors
    /// It is unknown, it is running, or the store or the broker failed.
    pub async fn forget(&self, id: &EnvironmentId) -> Result<(), Error> {
        let heard = self.kinds.environments();
        let zone = self.kinds.zone_of(id);
        let status = heard.iter().find(|one| one.id == *id);
        if status.is_none() && zone.is_none() {
            let ids = heard.iter().map(|one| one.id.as_str());
            return Err(Error::None {
                id: id.clone(),
                hint: suggest::hint(id.as_str(), ids),
            });
        }
        let is_there = status.is_some_and(|status| {
            let is_silent = self.kinds.silent_for(id).is_none_or(|time| time > SILENT);
            let has_moved = zone.as_ref().is_some_and(|zone| *zone != status.zone);
            status.state != EnvironmentState::Gone && !is_silent && !has_moved
        });
        if is_there {
            return Err(Error::There { id: id.clone() });
        }
        self.desired
            .carry_out(ForgetEnvironment(id.clone()))
            .await?;
        self.store.delete_zone(id).await?;
        self.kinds.forget(id);
        let forgotten = vec![Event::Forgotten(id.clone())];
        let told = self.events.publish(forgotten).await;
        told.map_err(|source| Error::Events {
            id: id.clone(),
            source,
        })
    }
}
