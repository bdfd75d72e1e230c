//! The logic environment as a whole: started, running, drained.

mod background;
mod handle;
mod join;
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
use utakata_api::status;
use utakata_history::{Embedded, History};
use utakata_interconnect::{Events, Tasks, connection::Health};
use utakata_model::LogicId;
use utakata_openid::Provider;

use self::site::Site;
use crate::{
    Config,
    alarms::{self, Alarms},
    audit::seen::SeenHeads,
    clock,
    control::{self, Control},
    discovery::{self, Discovery},
    dispatch::{Dispatch, Failing},
    duties::Duties,
    environments::Shown,
    evidence::ReadBackCounts,
    history::Recorder,
    inventory,
    ledger::{self, Keeper, Ledger},
    notifications::{self, Notifications},
    observe::Observe,
    overview::{Overviews, Sources},
    peers::Peers,
    policies::Policies,
    rotation::{self, Rotations},
    secrets::Secrets,
    signatures::SiteSignatures,
    store::{self, Store},
};

/// The time that final writes may take at the end.
const JOIN_TIMEOUT: Duration = Duration::from_secs(10);

/// The parts from which the logic environment is built.
pub struct Parts {
    pub store: Arc<dyn Store>,
    /// The keys that seal secrets in the store.
    pub secrets: Arc<Secrets>,
    pub tasks: Arc<dyn Tasks>,
    /// The bus of outcomes, readings and statuses.
    pub events: Arc<dyn Events>,
    /// The signatures of messages, where they cross a network.
    pub signatures: Option<Arc<SiteSignatures>>,
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
    /// The secret by which environments join cannot be read.
    #[error("the join secret of environments cannot be used (logic.environments.join_file)")]
    Join(#[from] join::Error),
}

/// The start of a logic environment: see [`LogicEnvironment::start`].
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
    /// The identity provider; it is asked when somebody logs in.
    provider: Option<Provider>,
    store: Arc<dyn Store>,
    site: Arc<Site>,
    dispatch: Arc<Dispatch>,
    observe: Arc<Observe>,
    control: Arc<Control>,
    ledger: Ledger,
    notifications: Arc<Notifications>,
    discovery: Arc<Discovery>,
    rotations: Arc<Rotations>,
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
    /// The heads of the audit trail that were seen here.
    seen: SeenHeads,
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
        let shown = Shown {
            secret: join::secret(config.environments.join_file.as_deref())?,
            signatures: parts.signatures,
        };
        let events = &parts.events;
        let site = Site::load(&store, parts.secrets, events, Arc::clone(&counts), shown).await?;
        let recorder = Recorder::new(parts.history, parts.engine);
        restore(&recorder, &*store, &site, parts.peers.is_none()).await?;
        let dispatch = site.dispatch(&config, (&parts.tasks, &parts.events));
        recorder.count_flushes(dispatch.histograms());
        let ledger_fails = Arc::<Failing>::default();
        let kept = ledger_parts(&store, &dispatch, &site, counts, &ledger_fails);
        let ledger = Ledger::default();
        let peers = parts.peers.as_ref();
        let duties = peers.map_or_else(Duties::forever, Peers::duties);
        let keeper = Keeper::begin(config.clone(), kept, ledger.clone(), duties.clone()).await?;
        let observe = site.observe(&config, &dispatch, duties.clone());
        let control = control(config.control.clone(), rooms(&site, &store, &ledger));
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
        let discovery = Arc::new(Discovery::new(of_discovery(&of_alarms, &site)));
        let rotations = rotations(&of_alarms, &site, (&control, &ledger));
        let of_policies =
            site.for_policies(&of_alarms, &control, &recorder, config.control.approval);
        let (policies, policy_keeper) = Policies::new(of_policies);
        let (alarms, alarm_keeper) = Alarms::new(of_alarms);
        let news = (&alarms, &notifications);
        let folder = parts.folder.clone();
        let overviews = overviews(&site, &observe, (&ledger, &rotations), news, folder);
        let handle = Handle {
            inner: Arc::new(Inner {
                provider: config.login.provider().map(Provider::new),
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
                discovery,
                rotations,
                alarms,
                policies,
                membership: Membership::of(parts.peers, duties),
                version: AtomicU64::default(),
                connections: parts.connections,
                ledger_fails,
                channel_fails,
                export_fails: Arc::default(),
                recorder,
                overviews,
                seen: SeenHeads::open(parts.folder.as_deref()),
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

fn of_discovery(alarms: &alarms::Parts, site: &Site) -> discovery::Context {
    discovery::Context {
        store: Arc::clone(&alarms.store),
        dispatch: Arc::clone(&alarms.dispatch),
        inventory: Arc::clone(&site.inventory),
        kinds: Arc::clone(&site.kinds),
    }
}

fn control(config: crate::config::Control, rooms: control::Rooms) -> Arc<Control> {
    Arc::new(Control::new(config, rooms))
}

fn rotations(
    alarms: &alarms::Parts,
    site: &Site,
    (control, ledger): (&Arc<Control>, &Ledger),
) -> Arc<Rotations> {
    Arc::new(Rotations::new(rotation::Context {
        store: Arc::clone(&alarms.store),
        dispatch: Arc::clone(&alarms.dispatch),
        inventory: Arc::clone(&site.inventory),
        kinds: Arc::clone(&site.kinds),
        control: Arc::clone(control),
        ledger: ledger.clone(),
    }))
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
    (ledger, rotations): (&Ledger, &Arc<Rotations>),
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
        rotations: Arc::clone(rotations),
        ledger: ledger.clone(),
        alarms: alarms.clone(),
        notifications: Arc::clone(notifications),
        folder,
    })
}

impl Handle {
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
    fn of(peers: Option<Peers>, duties: watch::Receiver<Duties>) -> Self {
        Self {
            id: peers.as_ref().map(|peers| peers.id().clone()),
            peers: Mutex::new(peers),
            duties,
        }
    }

    /// Returns its duties as the status has them; absent where it is alone.
    fn view(&self, ledger: &Ledger) -> Option<status::Duties> {
        let duties = self.duties.borrow();
        Some(status::Duties {
            id: self.id.clone()?,
            ledger: ledger.is_here(),
            ledger_at: duties.ledger_at.clone(),
            unfit: duties.unfit.map(|unfit| unfit.to_string()),
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
