//! The rooms of a running logic environment, its status, and what concerns several rooms.

use std::sync::Arc;

use jiff::Timestamp;
use utakata_api::{
    apply::{Applied, Document, Named},
    overview::Overview,
    release::{ReleaseReference, ReleaseView},
    status::Status,
};
use utakata_history::History;
use utakata_interconnect::connection::Health;
use utakata_model::{ReleaseDigest, ReleaseId, TargetName};
use utakata_openid::Provider;
use utakata_seal::SignedHead;

use super::Handle;
use crate::{
    Config,
    alarms::Alarms,
    catalogue::{self, Catalogue},
    control::Control,
    desired::{Desired, rollouts::Rollouts},
    discovery::Discovery,
    dispatch::Dispatch,
    duties::Duties,
    environments::Environments,
    inventory::{self, Inventory},
    kinds::Kinds,
    ledger::{self, Ledger},
    notifications::Notifications,
    observe::Observe,
    observed::Observed,
    people::People,
    policies::Policies,
    rotation::Rotations,
    store::{self, Store},
};

impl Handle {
    /// Returns the configuration that it runs with.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// Returns the targets, schedules and credentials.
    pub fn inventory(&self) -> &Arc<Inventory> {
        &self.inner.site.inventory
    }

    /// Returns the notifications of devices.
    pub fn notifications(&self) -> &Notifications {
        &self.inner.notifications
    }

    /// Returns the rotations of passwords.
    pub fn rotations(&self) -> &Rotations {
        &self.inner.rotations
    }

    /// Returns the discovery of equipment.
    pub fn discovery(&self) -> &Discovery {
        &self.inner.discovery
    }

    /// Returns the people who have access.
    pub fn people(&self) -> &People {
        &self.inner.site.people
    }

    /// Returns the identity provider, if there is one.
    pub fn provider(&self) -> Option<&Provider> {
        self.inner.provider.as_ref()
    }

    /// Returns the desired state of the environments.
    pub fn desired(&self) -> &Desired {
        &self.inner.site.desired
    }

    /// Returns the rollouts of kinds to other releases.
    pub fn rollouts(&self) -> &Rollouts {
        &self.inner.site.rollouts
    }

    /// Returns the releases that environments can be ordered to run.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.inner.site.catalogue
    }

    /// Returns a release in full.
    ///
    /// # Errors
    /// There is none, or the store failed.
    pub async fn release(
        &self,
        reference: &ReleaseReference,
    ) -> Result<ReleaseView, catalogue::Error> {
        let entry = self.catalogue().find(reference).await?;
        Ok(self.release_view(entry).await?)
    }

    /// Returns an entry of the catalogue in full.
    ///
    /// # Errors
    /// The store failed.
    pub async fn release_view(
        &self,
        entry: catalogue::CatalogueEntry,
    ) -> Result<ReleaseView, store::Error> {
        let wanted_by = self.inner.site.desired.wanting(&entry.id.digest);
        self.catalogue().view(entry, wanted_by).await
    }

    /// Deletes a release that was pushed, and the files that no other release has.
    ///
    /// # Errors
    /// There is none, it is still needed, or the store failed.
    pub async fn delete_release(
        &self,
        reference: &ReleaseReference,
    ) -> Result<ReleaseId, catalogue::Error> {
        let others = |digest: &ReleaseDigest| self.inner.site.desired.wanting(digest);
        self.catalogue().delete(reference, others).await
    }

    /// Applies documents and deletes things, with their observations here and wherever readings are
    /// retained; or only reports what would change.
    ///
    /// # Errors
    /// Documents have mistakes, a thing to delete is still used, or the store failed. Nothing was
    /// changed.
    pub async fn apply(
        &self,
        documents: Vec<Document>,
        delete: Vec<Named>,
        dry_run: bool,
    ) -> Result<Applied, inventory::Error> {
        let inventory = &self.inner.site.inventory;
        let is_there = |name: &TargetName| inventory.find(name).is_some();
        let targets: Vec<TargetName> = delete
            .iter()
            .filter_map(|one| match one {
                Named::Target(name) => Some(name.clone()).filter(is_there),
                _ => None,
            })
            .collect();
        let applied = inventory
            .apply_and_delete(documents, delete, dry_run)
            .await?;
        if !dry_run {
            self.inner.dispatch.forget(&targets).await;
        }
        Ok(applied)
    }

    /// Deletes a target, with its observations here and wherever readings are retained.
    ///
    /// # Errors
    /// There is none, or the store failed.
    pub async fn delete_target(&self, name: &TargetName) -> Result<(), inventory::Error> {
        self.inner.site.inventory.delete_target(name).await?;
        let name = std::slice::from_ref(name);
        self.inner.dispatch.forget(name).await;
        Ok(())
    }

    /// Returns the kinds that are served.
    pub fn kinds(&self) -> &Kinds {
        &self.inner.site.kinds
    }

    /// Returns the zones of environments.
    pub fn environments(&self) -> &Environments {
        &self.inner.site.environments
    }

    /// Returns the history of readings, if there is one.
    pub fn history(&self) -> Option<&dyn History> {
        self.inner.recorder.history()
    }

    /// Returns the latest observations of each target.
    pub fn observed(&self) -> &Arc<Observed> {
        &self.inner.site.observed
    }

    /// Returns the service for reads.
    pub fn observe(&self) -> &Observe {
        &self.inner.observe
    }

    /// Returns the service for operations that change something.
    pub fn control(&self) -> &Control {
        &self.inner.control
    }

    /// Returns the ledger: every control task that has not ended, and the holder of each target.
    pub fn ledger(&self) -> &Ledger {
        &self.inner.ledger
    }

    pub fn policies(&self) -> &Policies {
        &self.inner.policies
    }

    pub fn alarms(&self) -> &Alarms {
        &self.inner.alarms
    }

    /// Reloads changes that other logic environments have made.
    pub async fn refresh(&self) {
        if let Err(error) = self.inner.refresh().await {
            tracing::warn!(%error, "what others have changed cannot be read now");
        }
    }

    /// Returns its duties, if there are several logic environments.
    pub fn duties(&self) -> Duties {
        self.inner.membership.duties.borrow().clone()
    }

    /// Returns the dispatcher: the tasks under way, and the feed of events.
    pub fn dispatch(&self) -> &Dispatch {
        &self.inner.dispatch
    }

    /// Returns the heads of the audit trail that were seen here, oldest first.
    pub fn seen_heads(&self) -> Vec<SignedHead> {
        self.inner.seen.all()
    }

    pub fn store(&self) -> &dyn Store {
        self.inner.store.as_ref()
    }

    /// Returns the overview of the site.
    ///
    /// # Errors
    /// The logic environment is ending.
    pub async fn overview(&self) -> Result<Arc<Overview>, ledger::Error> {
        self.inner.overviews.look(|| self.status()).await
    }

    /// Has the next overview compiled anew: somebody may have changed something.
    pub(crate) fn is_changed(&self) {
        self.inner.overviews.is_changed();
    }

    /// Returns the time at which it was started.
    pub(crate) fn started(&self) -> Timestamp {
        self.inner.started
    }

    /// Returns the status of the system.
    pub fn status(&self) -> Status {
        let inner = &self.inner;
        let (targets, schedules) = inner.site.inventory.counts();
        let environments = inner.site.kinds.environments();
        let failing = [inner.ledger_fails.as_ref(), &inner.export_fails];
        let failing = failing.iter().filter_map(|one| one.lock().clone());
        let failing = failing
            .chain(inner.channel_fails.problems())
            .chain(inner.recorder.problem());
        let refused = environments.iter().flat_map(|one| one.refused.iter());
        let pools = environments.iter().flat_map(|one| one.pools.iter());
        Status {
            version: env!("CARGO_PKG_VERSION").into(),
            started: inner.started,
            targets: targets as u64,
            schedules: schedules as u64,
            mqtt: inner.mqtt.clone(),
            duties: inner.membership.view(&inner.ledger),
            connections: inner.connections.iter().map(Health::look).collect(),
            problems: failing
                .chain(inner.observe.problems())
                .chain(refused.map(|one| one.problem.clone()))
                .chain(pools.filter_map(|pool| pool.problem.clone()))
                .chain(inner.site.kinds.problems())
                .collect(),
            environments: environments
                .iter()
                .map(|one| one.as_ref().clone())
                .collect(),
            invariants_broken: utakata_invariant::count(),
            wrong_tokens: inner.site.people.wrong_tokens().view(),
        }
    }
}
