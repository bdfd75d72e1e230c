//! Keeps one service running for each kind that has a release, and ends them all in order.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    task::{JoinHandle, JoinSet},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use utakata_interconnect::{Events, Tasks, events::Sender};
use utakata_model::{EnvironmentState, EnvironmentStatus, Kind};

use super::{
    Drained, Wish,
    kinds::{Came, Kinds, lefts},
    listen::{self, Recipients},
    publisher::{Identity, StatusPublisher},
};
use crate::{
    Config,
    catalogue::{self, Catalogue, Sources},
    content,
    desired::{Asked, Keeper},
    endpoint::Endpoint,
    folder::Unreadable,
    kind::{self, Held, Surroundings},
    lives::Lives,
    rollout::Book,
    routes::Routes,
    runtime::{Life, Runtime},
    status::StatusBoard,
    trust::Trust,
};

/// How long the last status may take to be published.
const STATUS_TIMEOUT: Duration = Duration::from_secs(5);

/// A running environment.
pub(super) struct Service {
    config: Arc<Config>,
    endpoint: Endpoint,
    around: Surroundings,
    catalogue: watch::Receiver<Arc<Catalogue>>,
    found: watch::Sender<Arc<Catalogue>>,
    state: watch::Sender<EnvironmentState>,
    teller: StatusPublisher,
    keeper: Keeper,
    asked: watch::Receiver<Asked>,
    trust: Arc<Trust>,
    lefts: mpsc::Receiver<Held>,
    came: BTreeMap<Kind, kind::Came>,
}

impl Service {
    #[allow(
        clippy::too_many_arguments,
        reason = "everything that an environment is made of, once"
    )]
    pub(super) fn build(
        config: Arc<Config>,
        identity: Identity,
        trust: Trust,
        endpoint: Endpoint,
        tasks: Arc<dyn Tasks>,
        events: Arc<dyn Events>,
        runtime: Arc<dyn Runtime>,
        came: Option<Came>,
    ) -> Result<(Self, watch::Receiver<Arc<EnvironmentStatus>>), Unreadable> {
        let board = StatusBoard::default();
        let (found, catalogue) = watch::channel(Arc::default());
        let (state, states) = watch::channel(EnvironmentState::Running);
        let (keeper, asked) = Keeper::open(
            identity.id.clone(),
            identity.zone.clone(),
            config.state_folder.clone(),
        )?;
        let first = identity.status(
            EnvironmentState::Running,
            &board,
            &Catalogue::default(),
            &asked.borrow(),
        );
        let (told, status) = watch::channel(Arc::new(first));
        let next_worker = came.as_ref().map_or(1, |came| came.next_worker);
        let (lefts, left) = lefts();
        let around = Surroundings {
            config: config.clone(),
            zone: config.zone.clone(),
            names: kind::Names {
                environment: identity.id.clone(),
                numbers: Arc::new(AtomicU64::new(next_worker)),
            },
            tasks,
            events: events.clone(),
            runtime,
            doors: endpoint.doors().clone(),
            socket: endpoint.path().into(),
            board: board.clone(),
            places: identity.places.clone(),
            me: Sender {
                environment: identity.id.clone(),
                incarnation: identity.incarnation,
            },
            routes: Routes::default(),
            book: Book::open(config.state_folder.clone())?,
            lives: Lives::open(config.state_folder.as_deref(), identity.incarnation),
            gate: endpoint.gate().clone(),
            lefts,
        };
        let teller = StatusPublisher {
            identity,
            board,
            catalogue: catalogue.clone(),
            state: states,
            asked: asked.clone(),
            status: told,
            events,
        };
        let service = Self {
            config,
            endpoint,
            around,
            catalogue,
            found,
            state,
            teller,
            keeper,
            asked,
            trust: Arc::new(trust),
            lefts: left,
            came: came.map(|came| came.kinds).unwrap_or_default(),
        };
        Ok((service, status))
    }

    /// What is found in the folders.
    pub(super) fn found(&self) -> watch::Receiver<Arc<Catalogue>> {
        self.catalogue.clone()
    }

    /// Lasts until it is drained, or cancelled, which kills the workers.
    pub(super) async fn run(self, mut orders: mpsc::Receiver<Wish>, cancel: CancellationToken) {
        let Self {
            config,
            endpoint,
            around,
            mut catalogue,
            found,
            state,
            teller,
            keeper,
            asked,
            trust,
            lefts,
            came,
        } = self;
        let (link, answered, fetcher) = content::build(content_around(&around, &trust));
        let _fetching = AbortOnDropHandle::new(tokio::spawn(fetcher.run()));
        let sources = Sources {
            me: around.me.environment.clone(),
            config: config.clone(),
            runtime: around.runtime.clone(),
            trust,
            asked: asked.clone(),
            content: link,
        };
        let watching = tokio::spawn(catalogue::watch(sources, found));
        let (runtime, life) = (around.runtime.clone(), life(&around));
        let tending = tend(runtime.clone(), life.clone());
        let book = around.book.clone();
        let writing = AbortOnDropHandle::new(tokio::spawn(book.clone().run()));
        let listeners = Recipients {
            routes: around.routes.clone(),
            keeper,
            content: answered,
        };
        let listening = listen::run(around.events.clone(), around.me.clone(), listeners);
        let listening = tokio::spawn(listening);
        let lives = around.lives.clone();
        let lives = lives.end_earlier(around.board.clone(), runtime.clone(), life.clone());
        let _ending = AbortOnDropHandle::new(tokio::spawn(lives));
        let mut kinds = Kinds {
            config,
            around,
            orders: BTreeMap::new(),
            asked,
            served: BTreeMap::new(),
            running: JoinSet::new(),
            cancel: cancel.clone(),
            place: endpoint.place(),
            lefts,
            hold: None,
            is_found: false,
        };
        kinds.take_over(came).await;
        let teller = tokio::spawn(teller.run());
        let order = kinds.serve(&mut catalogue, &mut orders, &cancel).await;
        watching.abort();
        let Some(order) = order else {
            listening.abort();
            kinds.running.shutdown().await;
            book.write().await;
            teller.abort();
            endpoint.stop().await;
            return;
        };
        state.send_replace(EnvironmentState::Draining);
        let given_up = kinds.drain(order.within).await;
        drop(tending);
        runtime.finish(&life).await;
        drop(writing);
        book.write().await;
        listening.abort();
        endpoint.stop().await;
        state.send_replace(EnvironmentState::Gone);
        end(teller).await;
        // Whoever asked may have lost interest.
        let _ = order.done.send(Drained { given_up });
    }
}

/// What fetching releases needs.
fn content_around(around: &Surroundings, trust: &Arc<Trust>) -> content::Around {
    content::Around {
        config: around.config.content,
        folder: around.config.state_folder.clone(),
        near: [&around.config.releases[..], &around.config.programs].concat(),
        trust: trust.clone(),
        me: around.me.environment.clone(),
        events: around.events.clone(),
        board: around.board.clone(),
    }
}

/// Has the runtime end what earlier lives have left, as long as what this gives is kept.
fn tend(runtime: Arc<dyn Runtime>, life: Life) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move { runtime.tend(&life).await }))
}

fn life(around: &Surroundings) -> Life {
    Life {
        environment: around.me.environment.clone(),
        incarnation: around.me.incarnation,
    }
}

/// Waits for what is told last, but not for ever.
async fn end(mut teller: JoinHandle<()>) {
    let told = tokio::time::timeout(STATUS_TIMEOUT, &mut teller).await;
    if told.is_err() {
        teller.abort();
        tracing::warn!("that the environment is gone could not be told");
    }
}
