//! The kinds that are served, one service each: started, told what to be like, and ended.

mod handover;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use utakata_model::{Kind, ReleaseDigest, ReleaseId};

use super::{DrainOrder, Wish};
use crate::{
    Config,
    catalogue::{Catalogue, Chosen, choose},
    desired::{Asked, Locality},
    endpoint,
    kind::{self, Held, Order, Surroundings},
    rollout::Way,
};
pub(super) use handover::{Came, lefts};

/// How long after its deadline a drain waits for what was killed, and for what was published.
const AFTER_DEADLINE: Duration = Duration::from_secs(5);

/// The kinds that are served.
pub(super) struct Kinds {
    pub(super) config: Arc<Config>,
    pub(super) around: Surroundings,
    pub(super) orders: BTreeMap<Kind, watch::Sender<Order>>,
    pub(super) asked: watch::Receiver<Asked>,
    /// What was active of each kind when it was last looked at.
    pub(super) served: BTreeMap<Kind, ReleaseDigest>,
    pub(super) running: JoinSet<(Kind, usize)>,
    pub(super) cancel: CancellationToken,
    /// Where workers connect.
    pub(super) place: endpoint::SocketPlace,
    /// What kinds leave to another program.
    pub(super) lefts: mpsc::Receiver<Held>,
    /// Until when everything is made ready for another program, if it is.
    pub(super) hold: Option<Instant>,
    /// Whether it is known what lies on disk.
    pub(super) is_found: bool,
}

impl Kinds {
    /// Serves what the catalogue has until a drain is asked for; `None`: cancelled.
    pub(super) async fn serve(
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
        let place = Locality {
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
    pub(super) async fn take_over(&mut self, came: BTreeMap<Kind, kind::Came>) {
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
    pub(super) async fn drain(&mut self, within: Duration) -> usize {
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
