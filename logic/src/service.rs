//! The logic environment as a whole: started, running, drained.

mod background;
mod receive;
mod site;
mod unanswered;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;
use utakata_api::{
    apply::{Applied, Document, Named},
    overview::Overview,
    release::{ReleaseReference, ReleaseView},
    status::{self, Status},
};
use utakata_history::{Embedded, History};
use utakata_interconnect::{Events, Tasks, connection::Health};
use utakata_model::{LogicId, ReleaseDigest, ReleaseId, TargetName};

use self::site::Site;
use crate::{
    Config,
    alarms::{self, Alarms},
    catalogue::{self, Catalogue},
    clock,
    control::{self, Control},
    desired::{Desired, rollouts::Rollouts},
    dispatch::{Dispatch, Failing},
    duties::Duties,
    environments::Environments,
    evidence::ReadBackCounts,
    history::Recorder,
    inventory::{self, Inventory},
    kinds::Kinds,
    ledger::{self, Keeper, Ledger},
    notifications::{self, Notifications},
    observe::Observe,
    observed::Observed,
    overview::{Overviews, Sources},
    peers::Peers,
    people::People,
    policies::Policies,
    secrets::{self, KeyPlace},
    store::{self, Store},
};

/// The time that final writes may take at the end.
const JOIN_TIMEOUT: Duration = Duration::from_secs(10);

/// The parts from which the logic environment is built.
pub struct Parts {
    pub store: Arc<dyn Store>,
    /// The place of the keys that seal secrets in the store.
    pub keys: KeyPlace,
    pub tasks: Arc<dyn Tasks>,
    /// The bus of outcomes, readings and statuses.
    pub events: Arc<dyn Events>,
    /// The address of the embedded MQTT broker, to show to users.
    pub mqtt: Option<String>,
    /// The health of the connections to brokers.
    pub connections: Vec<Health>,
    /// The other logic environments on the same store; absent if it is alone.
    pub peers: Option<Peers>,
    /// The folder that it writes to, whose free space is reported.
    pub folder: Option<PathBuf>,
    /// The history of readings; absent if it could not be opened.
    pub history: Option<Arc<Embedded>>,
    /// Another engine that keeps readings and answers questions about the past.
    pub engine: Option<Arc<dyn History>>,
}

/// A reason why the logic environment did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the store cannot be used")]
    Store(#[from] store::Error),
    /// The inventory cannot be read.
    #[error("the inventory cannot be read")]
    Inventory(#[from] inventory::Error),
    /// The keys that seal secrets are not those of the store, or cannot be read.
    #[error("the secrets in the store cannot be opened")]
    Secrets(#[from] secrets::Error),
}

/// The logic environment.
pub struct LogicEnvironment;

/// A running logic environment. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    started: Timestamp,
    mqtt: Option<String>,
    store: Arc<dyn Store>,
    site: Arc<Site>,
    dispatch: Arc<Dispatch>,
    observe: Arc<Observe>,
    control: Arc<Control>,
    ledger: Ledger,
    notifications: Arc<Notifications>,
    alarms: Alarms,
    policies: Policies,
    membership: Membership,
    /// The version of the inventory that was loaded last.
    version: AtomicU64,
    connections: Vec<Health>,
    ledger_fails: Arc<Failing>,
    channel_fails: Arc<alarms::Troubles>,
    export_fails: Arc<Failing>,
    recorder: Recorder,
    overviews: Overviews,
    lifetime: Lifetime,
}

/// The place among the logic environments on the same store.
struct Membership {
    /// Its name; absent where it is alone.
    id: Option<LogicId>,
    /// Taken at the end, when its leases are given back.
    peers: Mutex<Option<Peers>>,
    duties: watch::Receiver<Duties>,
}

/// The background tasks, and how they end.
#[derive(Default)]
struct Lifetime {
    /// Ends schedules; everything else is cancelled separately afterwards.
    cancel_schedules: CancellationToken,
    cancel: CancellationToken,
    /// All background tasks; taken when they are joined.
    background: Mutex<JoinSet<()>>,
}

impl LogicEnvironment {
    /// Starts it: loads the store, settles what the previous process left, follows the events and
    /// begins to observe.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub async fn start(config: Config, parts: Parts) -> Result<Handle, Error> {
        let store = parts.store;
        let counts = Arc::<ReadBackCounts>::default();
        let site = Site::load(&store, parts.keys, &parts.events, Arc::clone(&counts)).await?;
        let recorder = Recorder::new(parts.history, parts.engine);
        restore(&recorder, &*store, &site, parts.peers.is_none()).await?;
        let dispatch = Arc::new(Dispatch::new(
            &config,
            Arc::clone(&parts.tasks),
            Arc::clone(&parts.events),
            Arc::clone(&site.observed),
            site.desired.pins(),
        ));
        recorder.count_flushes(dispatch.histograms());
        let ledger_fails = Arc::<Failing>::default();
        let of_ledger = ledger_parts(&store, &dispatch, &site, counts, &ledger_fails);
        let ledger = Ledger::default();
        let peers = parts.peers;
        let duties = peers.as_ref().map_or_else(Duties::forever, Peers::duties);
        let keeper =
            Keeper::begin(config.clone(), of_ledger, ledger.clone(), duties.clone()).await?;
        let observe = site.observe(&config, &dispatch, duties.clone());
        let control = Control::new(config.control.clone(), rooms(&site, &store, &ledger));
        let control = Arc::new(control);
        let channel_fails = Arc::<alarms::Troubles>::default();
        let of_alarms = alarms::Parts {
            store: Arc::clone(&store),
            ledger: ledger.clone(),
            inventory: Arc::clone(&site.inventory),
            observe: Arc::clone(&observe),
            dispatch: Arc::clone(&dispatch),
            events: Arc::clone(&parts.events),
            duties: duties.clone(),
            folder: parts.folder.clone(),
            channels: config.alarms.clone(),
            failing: Arc::clone(&channel_fails),
        };
        let notifications = Notifications::restore(of_notifications(&of_alarms, &site));
        let notifications = Arc::new(notifications.await?);
        let of_policies = site.for_policies(&of_alarms, &control, config.control.approval);
        let (policies, policy_keeper) = Policies::new(of_policies);
        let (alarms, alarm_keeper) = Alarms::new(of_alarms);
        let news = (&alarms, &notifications);
        let overviews = overviews(&site, &observe, &ledger, news, parts.folder);
        let handle = Handle {
            inner: Arc::new(Inner {
                config,
                started: clock::now(),
                mqtt: parts.mqtt,
                store,
                site: Arc::new(site),
                dispatch,
                observe,
                control,
                ledger,
                notifications,
                alarms,
                policies,
                membership: Membership {
                    id: peers.as_ref().map(|peers| peers.id().clone()),
                    peers: Mutex::new(peers),
                    duties,
                },
                version: AtomicU64::default(),
                connections: parts.connections,
                ledger_fails,
                channel_fails,
                export_fails: Arc::default(),
                recorder,
                overviews,
                lifetime: Lifetime::default(),
            }),
        };
        let keepers = (alarm_keeper, policy_keeper);
        handle.spawn(parts.tasks, parts.events, keeper, keepers);
        Ok(handle)
    }
}

/// Restores the latest readings from what the history and an earlier store have.
///
/// # Errors
/// The store cannot be read or written.
async fn restore(
    recorder: &Recorder,
    store: &dyn Store,
    site: &Site,
    is_alone: bool,
) -> Result<(), Error> {
    recorder.restore(&site.observed, &site.inventory).await;
    recorder
        .take_over(store, &site.observed, &site.inventory, is_alone)
        .await?;
    Ok(())
}

fn ledger_parts(
    store: &Arc<dyn Store>,
    dispatch: &Arc<Dispatch>,
    site: &Site,
    counts: Arc<ReadBackCounts>,
    failing: &Arc<Failing>,
) -> ledger::LedgerParts {
    ledger::LedgerParts {
        store: Arc::clone(store),
        dispatch: Arc::clone(dispatch),
        inventory: Arc::clone(&site.inventory),
        observed: Arc::clone(&site.observed),
        kinds: Arc::clone(&site.kinds),
        counts,
        failing: Arc::clone(failing),
    }
}

fn of_notifications(alarms: &alarms::Parts, site: &Site) -> notifications::Context {
    notifications::Context {
        store: Arc::clone(&alarms.store),
        events: Arc::clone(&alarms.events),
        dispatch: Arc::clone(&alarms.dispatch),
        inventory: Arc::clone(&alarms.inventory),
        kinds: Arc::clone(&site.kinds),
        observe: Arc::clone(&alarms.observe),
        duties: alarms.duties.clone(),
    }
}

fn rooms(site: &Site, store: &Arc<dyn Store>, ledger: &Ledger) -> control::Rooms {
    control::Rooms {
        inventory: Arc::clone(&site.inventory),
        observed: Arc::clone(&site.observed),
        kinds: Arc::clone(&site.kinds),
        store: store.clone(),
        ledger: ledger.clone(),
    }
}

fn overviews(
    site: &Site,
    observe: &Arc<Observe>,
    ledger: &Ledger,
    (alarms, notifications): (&Alarms, &Arc<Notifications>),
    folder: Option<PathBuf>,
) -> Overviews {
    Overviews::new(Sources {
        inventory: Arc::clone(&site.inventory),
        observe: Arc::clone(observe),
        observed: Arc::clone(&site.observed),
        kinds: Arc::clone(&site.kinds),
        desired: Arc::clone(&site.desired),
        rollouts: Arc::clone(&site.rollouts),
        ledger: ledger.clone(),
        alarms: alarms.clone(),
        notifications: Arc::clone(notifications),
        folder,
    })
}

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

    /// Returns the people who have access.
    pub fn people(&self) -> &People {
        &self.inner.site.people
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

    /// Returns the policies.
    pub fn policies(&self) -> &Policies {
        &self.inner.policies
    }

    /// Returns the alarms.
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

    /// Ends it: no new reads begin, running ones may end within this time, and all observations are
    /// written.
    pub async fn drain(&self, max: Duration) {
        let inner = &self.inner;
        inner.lifetime.cancel_schedules.cancel();
        let ended = async {
            while inner.dispatch.pending() > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(max, ended).await.is_err() {
            let tasks = inner.dispatch.pending();
            tracing::warn!(tasks, "tasks are left in progress");
        }
        inner.lifetime.cancel.cancel();
        inner.ledger.close().await;
        let mut background = std::mem::take(&mut *inner.lifetime.background.lock());
        let joined = async { while background.join_next().await.is_some() {} };
        if tokio::time::timeout(JOIN_TIMEOUT, joined).await.is_err() {
            tracing::error!("outcomes of control could not be written before shutting down");
            background.shutdown().await;
        }
        inner.recorder.close().await;
        let peers = inner.membership.peers.lock().take();
        if let Some(peers) = peers {
            peers.leave().await;
        }
        inner.store.close().await;
    }
}

impl Membership {
    /// Returns its duties as the status has them; absent where it is alone.
    fn view(&self, ledger: &Ledger) -> Option<status::Duties> {
        let duties = self.duties.borrow();
        Some(status::Duties {
            id: self.id.clone()?,
            ledger: ledger.is_here(),
            ledger_at: duties.ledger_at.clone(),
            shards: duties.shards.count(),
            members: duties.members.clone(),
        })
    }
}

impl Inner {
    /// Reloads changes that others have made since the last reload.
    async fn refresh(&self) -> Result<(), Error> {
        let version = self.store.inventory_version().await?;
        if self.version.load(Ordering::Acquire) == version {
            return Ok(());
        }
        self.site.reload().await?;
        self.version.fetch_max(version, Ordering::AcqRel);
        Ok(())
    }
}
