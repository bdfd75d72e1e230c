//! Keeps one service running for each kind that has a release, and ends them all in order.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    task::{JoinHandle, JoinSet},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use utakata_interconnect::{Events, Tasks, events::Sender};
use utakata_model::{EnvironmentState, EnvironmentStatus, Kind, ReleaseDigest, ReleaseId};

use super::{
    DrainOrder, Drained, Wish,
    answers::{self, Listeners, Routes},
    board::Board,
    desired::{Asked, Keeper},
    handover::{self, Came},
    status::{Identity, Teller},
};
use crate::{
    Config,
    catalogue::{self, Catalogue, Chosen, Place, Sources, choose},
    content,
    endpoint::{self, Endpoint},
    folder::Unreadable,
    kind::{self, Held, Order, Surroundings},
    lives::Lives,
    rollout::{Book, Way},
    runtime::{Life, Runtime},
    trust::Trust,
};

/// How long after its deadline a drain waits for what was killed, and for what was published.
const AFTER_DEADLINE: Duration = Duration::from_secs(5);

/// A running environment.
pub(super) struct Service {
    config: Arc<Config>,
    endpoint: Endpoint,
    around: Surroundings,
    catalogue: watch::Receiver<Arc<Catalogue>>,
    found: watch::Sender<Arc<Catalogue>>,
    state: watch::Sender<EnvironmentState>,
    teller: Teller,
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
        let board = Board::default();
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
        let (lefts, left) = handover::lefts();
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
        let teller = Teller {
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
        let listeners = Listeners {
            routes: around.routes.clone(),
            keeper,
            content: answered,
        };
        let listening = answers::run(around.events.clone(), around.me.clone(), listeners);
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

/// The kinds that are served.
pub(super) struct Kinds {
    config: Arc<Config>,
    pub(super) around: Surroundings,
    pub(super) orders: BTreeMap<Kind, watch::Sender<Order>>,
    asked: watch::Receiver<Asked>,
    /// What was active of each kind when it was last looked at.
    served: BTreeMap<Kind, ReleaseDigest>,
    pub(super) running: JoinSet<(Kind, usize)>,
    cancel: CancellationToken,
    /// Where workers connect.
    pub(super) place: endpoint::Place,
    /// What kinds leave to another program.
    pub(super) lefts: mpsc::Receiver<Held>,
    /// Until when everything is made ready for another program, if it is.
    pub(super) hold: Option<Instant>,
    /// Whether it is known what lies on disk.
    pub(super) is_found: bool,
}

impl Kinds {
    /// Serves what the catalogue has until a drain is asked for; `None`: cancelled.
    async fn serve(
        &mut self,
        catalogue: &mut watch::Receiver<Arc<Catalogue>>,
        orders: &mut mpsc::Receiver<Wish>,
        cancel: &CancellationToken,
    ) -> Option<DrainOrder> {
        let mut leaving = None;
        loop {
            tokio::select! {
                wish = orders.recv() => match wish? {
                    Wish::Drain(order) => return Some(order),
                    Wish::Leave(within, done) => leaving = Some((within, done)),
                    Wish::GoOn => self.go_on(),
                },
                _ = catalogue.changed() => self.is_found = true,
                Ok(()) = self.asked.changed() => {}
                Some(ended) = self.running.join_next() => match ended {
                    Ok((kind, _)) => {
                        self.orders.remove(&kind);
                    }
                    Err(error) => tracing::error!(%error, "a kind is not served any more"),
                },
                () = cancel.cancelled() => return None,
            }
            if self.is_found && self.hold.is_none() {
                let found = catalogue.borrow_and_update().clone();
                self.reconcile(&found);
            }
            // What is to be served is known first: nobody could go on with less.
            if self.is_found
                && let Some((within, mut done)) = leaving.take()
            {
                let left = self.leave(within, done.closed()).await;
                if done.send(left).is_err() {
                    self.go_on();
                }
            }
        }
    }

    /// Every kind with a release is served, the others are told to end.
    fn reconcile(&mut self, catalogue: &Catalogue) {
        let asked = self.asked.borrow_and_update().clone();
        let me = &self.around.me.environment;
        let place = Place {
            id: me,
            zone: &self.config.zone,
            labels: &self.config.labels,
        };
        let sizes = &self.config.pools;
        let choice = choose(catalogue, sizes, &asked.kinds, &self.served, &place);
        self.around.board.put_missing(choice.missing);
        if asked.revision.is_some() {
            let rollout = |kind: &Kind| asked.rollout(kind, me).map(|order| order.id);
            self.around
                .book
                .retain(|kind, id| rollout(kind) == Some(id));
        }
        let mut chosen = choice.kinds;
        let absent = asked.kinds.iter().filter(|(kind, desired)| {
            let is_served = chosen.contains_key(*kind) || self.orders.contains_key(*kind);
            !is_served && place.is_meant(desired)
        });
        let orders = absent.filter_map(|(kind, _)| asked.rollout(kind, me));
        let absent = orders.map(|order| Way::absent(order, Timestamp::now()));
        self.around.board.put_absent(absent.collect());
        self.served = served(&chosen);
        let order_of = |kind: &Kind, releases: Vec<Chosen>| Order {
            rollout: asked.rollout(kind, me),
            stop: asked.stop(kind),
            hold: None,
            stops: asked.stops(kind),
            coming: coming(kind, &asked, &releases),
            releases,
            give_up_at: None,
        };
        for (kind, order) in &self.orders {
            let releases = match chosen.remove(kind) {
                Some(releases) => releases,
                // It was taken over, and its release was not seen yet: it waits.
                None if catalogue.may_have(kind) && order.borrow().releases.is_empty() => continue,
                None => Vec::new(),
            };
            set(order, order_of(kind, releases));
        }
        let new = chosen.into_iter();
        let new = new.map(|(kind, releases)| (kind.clone(), order_of(&kind, releases)));
        for (kind, order) in new.collect::<Vec<_>>() {
            self.spawn(kind, order, None);
        }
    }

    /// The kinds of another program of this process go on at once, and wait for what is to be
    /// served. Workers are let in, and the world is told, when all await their own.
    async fn take_over(&mut self, came: BTreeMap<Kind, kind::Came>) {
        let (awaiting, mut all_await) = mpsc::channel(1);
        for (kind, mut came) in came {
            came.awaiting = Some(awaiting.clone());
            // Whatever is ordered first is another order than this.
            let order = Order {
                hold: Some(Instant::now()),
                ..Order::default()
            };
            self.spawn(kind, order, Some(came));
        }
        drop(awaiting);
        // Nobody sends: it ends when the last of them has what it was left.
        let _ = all_await.recv().await;
        self.around.gate.open();
    }

    fn spawn(&mut self, kind: Kind, order: Order, came: Option<kind::Came>) {
        let (order, orders) = watch::channel(order);
        self.orders.insert(kind.clone(), order);
        let around = self.around.clone();
        let cancel = self.cancel.clone();
        self.running.spawn(async move {
            let given_up = kind::Service::run(kind.clone(), around, orders, came, cancel).await;
            (kind, given_up)
        });
    }

    /// Ends all kinds; gives the number of attempts that were given up.
    async fn drain(&mut self, within: Duration) -> usize {
        let deadline = Instant::now() + within;
        self.around.gate.open();
        for order in self.orders.values() {
            order.send_replace(Order {
                give_up_at: Some(deadline),
                ..Order::default()
            });
        }
        let mut given_up = 0;
        let all_ended = async {
            while let Some(ended) = self.running.join_next().await {
                given_up += ended.map_or(0, |(_, given_up)| given_up);
            }
        };
        let ended = tokio::time::timeout_at(deadline + AFTER_DEADLINE, all_ended).await;
        if ended.is_err() {
            tracing::error!("not everything ended in time: outcomes may be missing");
            self.cancel.cancel();
            self.running.shutdown().await;
        }
        given_up
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

/// What is active of each kind.
fn served(chosen: &BTreeMap<Kind, Vec<Chosen>>) -> BTreeMap<Kind, ReleaseDigest> {
    let active = |(kind, releases): (&Kind, &Vec<Chosen>)| {
        let active = releases.iter().find(|chosen| chosen.is_active)?;
        Some((kind.clone(), active.release.id.digest.clone()))
    };
    chosen.iter().filter_map(active).collect()
}

/// Versions of a kind that are to serve, and are not here yet.
fn coming(kind: &Kind, asked: &Asked, here: &[Chosen]) -> BTreeSet<Arc<str>> {
    let desired = asked.kinds.get(kind).into_iter();
    let wanted = desired.flat_map(|desired| desired.stable.iter().chain(&desired.kept));
    let is_here = |wanted: &&ReleaseId| here.iter().any(|one| *one.release.id == **wanted);
    let absent = wanted.filter(|wanted| !is_here(wanted));
    absent.map(|release| release.version.clone()).collect()
}

fn set(order: &watch::Sender<Order>, new: Order) {
    order.send_if_modified(|order| {
        let changed = *order != new;
        *order = new;
        changed
    });
}

/// Waits for what is told last, but not for ever.
async fn end(mut teller: JoinHandle<()>) {
    let told = tokio::time::timeout(AFTER_DEADLINE, &mut teller).await;
    if told.is_err() {
        teller.abort();
        tracing::warn!("that the environment is gone could not be told");
    }
}
