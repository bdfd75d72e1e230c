//! The logic environment's knowledge of the site.

use std::sync::Arc;

use tokio::sync::watch;
use utakata_interconnect::{Events, Tasks};

use super::Error;
use crate::{
    Config, alarms,
    catalogue::Catalogue,
    config::Approval,
    control::Control,
    desired::{Desired, rollouts::Rollouts},
    dispatch::Dispatch,
    duties::Duties,
    environments::{Environments, Shown},
    evidence::ReadBackCounts,
    history::Recorder,
    inventory::Inventory,
    kinds::Kinds,
    observe::Observe,
    observed::Observed,
    people::People,
    policies,
    secrets::Secrets,
    signatures::SiteSignatures,
    store::Store,
};

/// The logic environment's knowledge of the site.
pub(super) struct Site {
    pub kinds: Arc<Kinds>,
    pub environments: Environments,
    pub inventory: Arc<Inventory>,
    pub observed: Arc<Observed>,
    pub people: People,
    pub desired: Arc<Desired>,
    pub catalogue: Arc<Catalogue>,
    pub rollouts: Arc<Rollouts>,
    /// The signatures of messages, where they cross a network.
    pub signatures: Option<Arc<SiteSignatures>>,
}

impl Site {
    /// Loads the contents of the store.
    ///
    /// # Errors
    /// The store cannot be read, or its secrets cannot be opened.
    pub async fn load(
        store: &Arc<dyn Store>,
        secrets: Arc<Secrets>,
        events: &Arc<dyn Events>,
        counts: Arc<ReadBackCounts>,
        shown: Shown,
    ) -> Result<Self, Error> {
        let kinds = Arc::new(Kinds::default());
        let known = (Arc::clone(&secrets), Arc::clone(&kinds));
        let inventory = Inventory::load(store.clone(), secrets, Arc::clone(&kinds));
        let inventory = Arc::new(inventory.await?);
        let people = People::load(store.clone()).await?;
        // Before what is desired is read, which names releases by their digests.
        Catalogue::renew(&**store).await?;
        let desired = Arc::new(Desired::load(store.clone(), Arc::clone(&kinds)).await?);
        let catalogue = Arc::new(Catalogue::new(
            Arc::clone(store),
            Arc::clone(&kinds),
            Arc::clone(&inventory),
        ));
        let rollouts = Rollouts::new(
            Arc::clone(&desired),
            Arc::clone(&kinds),
            store.clone(),
            counts,
            Arc::clone(&catalogue),
        );
        let signatures = shown.signatures.clone();
        let secret = shown.secret.clone();
        let environments = Environments::new(
            store.clone(),
            Arc::clone(events),
            Arc::clone(&kinds),
            Arc::clone(&desired),
            shown,
        );
        environments.reload().await?;
        if let Some(signatures) = &signatures {
            signatures.know(known.0, known.1, secret);
        }
        catalogue.reload().await?;
        Ok(Self {
            kinds,
            environments,
            inventory,
            observed: Arc::default(),
            people,
            desired,
            catalogue,
            rollouts: Arc::new(rollouts),
            signatures,
        })
    }

    /// Returns the sender of tasks.
    pub fn dispatch(
        &self,
        config: &Config,
        (tasks, events): (&Arc<dyn Tasks>, &Arc<dyn Events>),
    ) -> Arc<Dispatch> {
        Arc::new(Dispatch::new(
            config,
            Arc::clone(tasks),
            Arc::clone(events),
            Arc::clone(&self.observed),
            self.desired.pins(),
        ))
    }

    /// Returns the service for reads.
    pub fn observe(
        &self,
        config: &Config,
        dispatch: &Arc<Dispatch>,
        duties: watch::Receiver<Duties>,
    ) -> Arc<Observe> {
        Arc::new(Observe::new(
            config.clone(),
            Arc::clone(dispatch),
            Arc::clone(&self.inventory),
            Arc::clone(&self.kinds),
            duties,
        ))
    }

    /// Returns the services that policies depend on.
    pub fn for_policies(
        &self,
        alarms: &alarms::Parts,
        control: &Arc<Control>,
        recorder: &Recorder,
        approval: Approval,
    ) -> policies::Parts {
        policies::Parts {
            store: Arc::clone(&alarms.store),
            ledger: alarms.ledger.clone(),
            inventory: Arc::clone(&self.inventory),
            observed: Arc::clone(&self.observed),
            kinds: Arc::clone(&self.kinds),
            observe: Arc::clone(&alarms.observe),
            control: Arc::clone(control),
            duties: alarms.duties.clone(),
            recorder: recorder.clone(),
            approval,
        }
    }

    /// Reloads changes that other logic environments have made.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn reload(&self) -> Result<(), Error> {
        self.inventory.reload().await?;
        self.people.reload().await?;
        self.desired.reload().await?;
        self.environments.reload().await?;
        self.catalogue.reload().await?;
        Ok(())
    }
}
