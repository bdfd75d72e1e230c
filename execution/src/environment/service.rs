//! A running environment: the services beside its kinds, and the order in which everything ends.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use utakata_interconnect::{Events, Sender, Tasks};
use utakata_model::{EnvironmentState, EnvironmentStatus, Kind};
use utakata_seal::EnvironmentKeys;

use super::{
    DrainRequest, Drained, Identity, Request, confine,
    kinds::{Inheritance, Kinds, handovers},
    listen::{self, Recipients},
    publisher::StatusPublisher,
};
use crate::{
    Config, Unmade,
    catalogue::{self, Catalogue, Sources},
    content,
    decisions::DecisionLog,
    desired::{DesiredKeeper, LocalDesired},
    endpoint::Endpoint,
    folder::Unreadable,
    kind::{self, Context},
    lives::Lives,
    loans::Loans,
    notifications,
    routes::Routes,
    runtime::{Life, Runtime},
    signatures::EnvironmentSignatures,
    status::StatusBoard,
    trial::Trials,
    trust::Trust,
};

/// The longest time that publishing the last status takes.
const STATUS_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) struct Parts {
    pub(super) config: Arc<Config>,
    pub(super) identity: Identity,
    pub(super) trust: Arc<Trust>,
    pub(super) endpoint: Endpoint,
    pub(super) tasks: Arc<dyn Tasks>,
    pub(super) events: Arc<dyn Events>,
    pub(super) runtime: Arc<dyn Runtime>,
    pub(super) unmade: Unmade,
    pub(super) inheritance: Option<Inheritance>,
    pub(super) keys: Option<Arc<EnvironmentKeys>>,
    pub(super) signatures: Option<Arc<EnvironmentSignatures>>,
}

/// A running environment.
pub(super) struct Service {
    kinds: Kinds,
    endpoint: Endpoint,
    catalogue: watch::Receiver<Arc<Catalogue>>,
    state: watch::Sender<EnvironmentState>,
    publisher: StatusPublisher,
    background: Background,
    inherited: BTreeMap<Kind, kind::Inherited>,
    cancel: CancellationToken,
}

/// Services that are to run beside the kinds.
struct Background {
    sources: Sources,
    found: watch::Sender<Arc<Catalogue>>,
    fetcher: content::Service,
    devices: notifications::Listener,
    recipients: Recipients,
    desired: watch::Receiver<LocalDesired>,
}

/// Services that run beside the kinds. Each stops when its handle is dropped.
struct Running {
    _fetcher: AbortOnDropHandle<()>,
    _loans: AbortOnDropHandle<()>,
    _devices: AbortOnDropHandle<()>,
    _earlier_lives: AbortOnDropHandle<()>,
    _confinement: AbortOnDropHandle<()>,
    catalogue: AbortOnDropHandle<()>,
    orphans: AbortOnDropHandle<()>,
    decisions: AbortOnDropHandle<()>,
    listener: AbortOnDropHandle<()>,
}

impl Service {
    /// Puts the parts together; nothing runs yet. `cancel` ends the environment at once.
    ///
    /// # Errors
    /// A file of the state folder cannot be read.
    pub(super) fn build(
        mut parts: Parts,
        cancel: CancellationToken,
    ) -> Result<(Self, watch::Receiver<Arc<EnvironmentStatus>>), Unreadable> {
        let (devices, replies) = listener(&mut parts);
        let Parts {
            config, identity, ..
        } = &parts;
        let board = StatusBoard::default();
        let (found, catalogue) = watch::channel(Arc::default());
        let (state, states) = watch::channel(EnvironmentState::Running);
        let (keeper, desired) = DesiredKeeper::open(
            identity.id.clone(),
            identity.zone.clone(),
            config.state_folder.clone(),
        )?;
        let (handovers, left) = handovers();
        let context = context(&parts, &board, handovers)?;
        let first = identity.status(
            EnvironmentState::Running,
            &board,
            &Catalogue::default(),
            &desired.borrow(),
        );
        let (published, status) = watch::channel(Arc::new(first));
        let (content, contents, fetcher) = content::build(content::Context {
            config: config.content,
            folder: config.state_folder.clone(),
            near: [&config.releases[..], &config.programs].concat(),
            trust: parts.trust.clone(),
            me: identity.id.clone(),
            events: parts.events.clone(),
            board: board.clone(),
        });
        let recipients = Recipients {
            routes: context.routes.clone(),
            keeper,
            loans: context.loans.clone(),
            content: contents,
            replies,
        };
        let sources = Sources {
            me: identity.id.clone(),
            config: config.clone(),
            trials: trials(&context),
            trust: parts.trust,
            desired: desired.clone(),
            content,
            unmade: parts.unmade,
        };
        let publisher = StatusPublisher {
            identity: parts.identity,
            board,
            catalogue: catalogue.clone(),
            state: states,
            desired: desired.clone(),
            status: published,
            events: parts.events,
        };
        let place = parts.endpoint.place();
        let service_desired = desired.clone();
        let service = Self {
            kinds: Kinds::new(context, desired, place, left, cancel.clone()),
            endpoint: parts.endpoint,
            catalogue,
            state,
            publisher,
            background: Background {
                sources,
                found,
                fetcher,
                devices,
                recipients,
                desired: service_desired,
            },
            inherited: parts.inheritance.map(|left| left.kinds).unwrap_or_default(),
            cancel,
        };
        Ok((service, status))
    }

    /// Follows the releases found in the folders.
    pub(super) fn releases(&self) -> watch::Receiver<Arc<Catalogue>> {
        self.catalogue.clone()
    }

    /// Runs until it is drained, or cancelled, which kills the workers.
    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let context = self.kinds.context.clone();
        let running = self.background.spawn(&context);
        self.kinds.take_over(self.inherited).await;
        let publisher = tokio::spawn(self.publisher.run());
        let catalogue = &mut self.catalogue;
        let request = self
            .kinds
            .serve(catalogue, &mut requests, &self.cancel)
            .await;
        match request {
            Some(DrainRequest { within, done }) => {
                self.state.send_replace(EnvironmentState::Draining);
                drop(running.catalogue);
                let given_up = self.kinds.drain(within).await;
                drop(running.orphans);
                context.runtime.finish(&life(&context)).await;
                drop(running.decisions);
                context.decisions.write().await;
                drop(running.listener);
                self.endpoint.stop().await;
                self.state.send_replace(EnvironmentState::Gone);
                last_status(publisher).await;
                // The caller may have lost interest.
                let _ = done.send(Drained { given_up });
            }
            None => {
                drop((running.catalogue, running.listener));
                self.kinds.stop().await;
                context.decisions.write().await;
                publisher.abort();
                self.endpoint.stop().await;
            }
        }
    }
}

impl Background {
    fn spawn(self, context: &Context) -> Running {
        let spawn_orphans = (context.runtime.clone(), life(context));
        let orphans = async move {
            let (runtime, life) = spawn_orphans;
            runtime.tend(&life).await;
        };
        let place = notifications::Place {
            environment: context.me.environment.clone(),
            zone: context.zone.clone(),
        };
        let devices = self.devices.run(place, context.events.clone());
        let events = context.events.clone();
        let (runtime, door) = (context.runtime.clone(), context.door.clone());
        let confinement = confine::run(runtime, life(context), door, self.desired);
        let listener = listen::run(events, context.me.clone(), self.recipients);
        let (board, runtime) = (context.board.clone(), context.runtime.clone());
        let loans = context.loans.clone();
        let loans = loans.run(context.events.clone(), context.board.clone());
        let earlier_lives = context.lives.clone();
        let earlier_lives = earlier_lives.end_earlier(board, runtime, life(context));
        Running {
            _fetcher: spawn(self.fetcher.run()),
            _loans: spawn(loans),
            _devices: spawn(devices),
            _earlier_lives: spawn(earlier_lives),
            _confinement: spawn(confinement),
            catalogue: spawn(catalogue::watch(self.sources, self.found)),
            orphans: spawn(orphans),
            decisions: spawn(context.decisions.clone().run()),
            listener: spawn(listener),
        }
    }
}

/// Returns the listener to devices, whose places are part of the status.
fn listener(parts: &mut Parts) -> (notifications::Listener, notifications::Replies) {
    let listen = &parts.config.notifications.listen;
    let (devices, replies, listening) = notifications::Listener::build(listen);
    parts.identity.listening(listening);
    (devices, replies)
}

fn spawn(work: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(work))
}

/// Returns the context that all kinds share.
fn context(
    parts: &Parts,
    board: &StatusBoard,
    handovers: mpsc::Sender<kind::Handover>,
) -> Result<Context, Unreadable> {
    let Parts {
        config,
        identity,
        endpoint,
        inheritance,
        ..
    } = parts;
    let next_worker = inheritance.as_ref().map_or(1, |left| left.next_worker);
    let next_ask = inheritance.as_ref().map_or(1, |left| left.next_ask);
    Ok(Context {
        config: config.clone(),
        zone: config.zone.clone(),
        worker_numbers: Arc::new(AtomicU64::new(next_worker)),
        next_ask: Arc::new(AtomicU64::new(next_ask)),
        tasks: parts.tasks.clone(),
        events: parts.events.clone(),
        runtime: parts.runtime.clone(),
        socket: endpoint.path().into(),
        loopback: endpoint.loopback(),
        door: endpoint.door(),
        board: board.clone(),
        quota: identity.quota.clone(),
        me: Sender {
            environment: identity.id.clone(),
            incarnation: identity.incarnation,
        },
        routes: Routes::default(),
        loans: Loans::new(
            identity.id.clone(),
            config.zone.clone(),
            parts.keys.clone(),
            parts.signatures.clone(),
        ),
        decisions: DecisionLog::open(config.state_folder.clone())?,
        lives: Lives::open(config.state_folder.as_deref(), identity.incarnation),
        admission: endpoint.admission().clone(),
        handovers,
    })
}

/// Returns what workers on trial need.
fn trials(context: &Context) -> Trials {
    let config = &context.config;
    Trials {
        life: life(context),
        runtime: context.runtime.clone(),
        admission: context.admission.clone(),
        socket: context.socket.clone(),
        loopback: context.loopback,
        door: context.door.clone(),
        variables: config.variables.clone(),
        within: config.image_starts_within() + config.hello_within,
    }
}

fn life(context: &Context) -> Life {
    Life {
        environment: context.me.environment.clone(),
        incarnation: context.me.incarnation,
    }
}

/// Waits until the last status is published, but not for ever.
async fn last_status(mut publisher: JoinHandle<()>) {
    let published = tokio::time::timeout(STATUS_TIMEOUT, &mut publisher).await;
    if published.is_err() {
        publisher.abort();
        tracing::warn!("the last status could not be published");
    }
}
