//! The kinds that are served, one service each: started, given orders, and ended.

mod handover;
mod running;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use utakata_invariant as invariant;
use utakata_model::{Kind, ReleaseDigest, ReleaseId};
use utakata_rollout::RolloutRun;

use super::{DrainRequest, Request};
use crate::{
    catalogue::{Catalogue, Chosen, choose},
    desired::{LocalDesired, Locality},
    endpoint::SocketPlace,
    kind::{self, Context, Handover, Order},
};
pub(super) use handover::{Inheritance, handovers};
use running::{Ended, Restarts, Running};

/// The time after its deadline for which a drain waits for killed workers and for publications.
const AFTER_DEADLINE: Duration = Duration::from_secs(5);

/// The kinds that are served.
pub(super) struct Kinds {
    pub(super) context: Context,
    orders: BTreeMap<Kind, watch::Sender<Order>>,
    desired: watch::Receiver<LocalDesired>,
    /// The active release of each kind at the last look.
    served: BTreeMap<Kind, ReleaseDigest>,
    running: Running,
    restarts: Restarts,
    cancel: CancellationToken,
    /// The socket of the workers.
    place: SocketPlace,
    /// The queue of what kinds leave to another program.
    handovers: mpsc::Receiver<Handover>,
    /// The end of the time in which everything is made ready for another program.
    hold: Option<Instant>,
    /// True once the folders were scanned.
    is_found: bool,
}

impl Kinds {
    pub(super) fn new(
        context: Context,
        desired: watch::Receiver<LocalDesired>,
        place: SocketPlace,
        handovers: mpsc::Receiver<Handover>,
        cancel: CancellationToken,
    ) -> Self {
        Self {
            restarts: Restarts::new(context.config.backoff),
            context,
            orders: BTreeMap::new(),
            desired,
            served: BTreeMap::new(),
            running: Running::default(),
            cancel,
            place,
            handovers,
            hold: None,
            is_found: false,
        }
    }

    /// Serves the catalogue until a drain is requested; `None` if cancelled.
    pub(super) async fn serve(
        &mut self,
        catalogue: &mut watch::Receiver<Arc<Catalogue>>,
        requests: &mut mpsc::Receiver<Request>,
        cancel: &CancellationToken,
    ) -> Option<DrainRequest> {
        let mut leaving = None;
        loop {
            let again_at = self.restarts.next(Instant::now());
            tokio::select! {
                request = requests.recv() => match request? {
                    Request::Drain(request) => return Some(request),
                    Request::Leave(within, done) => leaving = Some((within, done)),
                    Request::GoOn => self.go_on(),
                },
                _ = catalogue.changed() => self.is_found = true,
                Ok(()) = self.desired.changed() => {}
                Some(ended) = self.running.next() => {
                    self.on_ended(ended);
                }
                () = sleep_until(again_at.unwrap_or_else(Instant::now)), if again_at.is_some() => {}
                () = cancel.cancelled() => return None,
            }
            if self.is_found && self.hold.is_none() {
                let found = catalogue.borrow_and_update().clone();
                self.reconcile(&found);
            }
            // The releases to serve must be known first: nobody could continue with less.
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

    /// Makes every kind with a release served, and ends the others.
    fn reconcile(&mut self, catalogue: &Catalogue) {
        let desired = self.desired.borrow_and_update().clone();
        let me = &self.context.me.environment;
        let here = Locality {
            id: me,
            zone: &self.context.config.zone,
            labels: &self.context.config.labels,
        };
        let sizes = &self.context.config.pools;
        let choice = choose(catalogue, sizes, &desired.kinds, &self.served, &here);
        self.context.board.put_missing(choice.missing);
        if desired.revision.is_some() {
            let rollout = |kind: &Kind| desired.rollout(kind, me).map(|order| order.id);
            self.context
                .decisions
                .retain(|kind, id| rollout(kind) == Some(id));
        }
        let mut chosen = choice.kinds;
        let absent = desired.kinds.iter().filter(|(kind, wanted)| {
            let is_served = chosen.contains_key(*kind) || self.orders.contains_key(*kind);
            !is_served && here.is_meant(wanted)
        });
        let orders = absent.filter_map(|(kind, _)| desired.rollout(kind, me));
        let absent = orders
            .map(|order| RolloutRun::status_of_absent(order, Instant::now(), Timestamp::now()));
        self.context.board.put_absent(absent.collect());
        self.served = served(&chosen);
        let order_of = |kind: &Kind, releases: Vec<Chosen>| Order {
            rollout: desired.rollout(kind, me),
            stop: desired.stop(kind),
            hold: None,
            stops: desired.stops(kind),
            coming: coming(kind, &desired, &releases),
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
        let now = Instant::now();
        let new = new.filter(|(kind, _)| self.restarts.allow(kind, now));
        for (kind, order) in new.collect::<Vec<_>>() {
            self.spawn(kind, order, None);
        }
    }

    /// Forgets a service that has ended; returns its kind, and the number of attempts that were
    /// given up. One that has panicked has left its attempts to the ledger, which settles them,
    /// and its kind is served again by and by.
    fn on_ended(&mut self, ended: Ended) -> (Kind, usize) {
        let Ended {
            kind,
            lived,
            given_up,
        } = ended;
        self.orders.remove(&kind);
        let given_up = given_up.unwrap_or_else(|error| {
            invariant::record(
                "the service of a kind has panicked",
                &format!("{kind}: {error}"),
            );
            let (now, clock) = (Instant::now(), Timestamp::now());
            self.restarts.on_panic(kind.clone(), lived, now, clock);
            self.context.board.put_restarted(self.restarts.status());
            0
        });
        (kind, given_up)
    }

    /// Continues the kinds of another program in this process at once: they wait for the releases
    /// to serve. Workers are admitted, and the status is published, when all kinds await their own
    /// workers.
    pub(super) async fn take_over(&mut self, inherited: BTreeMap<Kind, kind::Inherited>) {
        let (awaiting, mut all_await) = mpsc::channel(1);
        for (kind, mut left) in inherited {
            left.awaiting = Some(awaiting.clone());
            // Any first order differs from this one.
            let order = Order {
                hold: Some(Instant::now()),
                ..Order::default()
            };
            self.spawn(kind, order, Some(left));
        }
        drop(awaiting);
        // Nobody sends: the channel closes when the last kind has its inheritance.
        let _ = all_await.recv().await;
        self.context.admission.resume();
    }

    fn spawn(&mut self, kind: Kind, order: Order, came: Option<kind::Inherited>) {
        let (order, orders) = watch::channel(order);
        self.orders.insert(kind.clone(), order);
        let context = self.context.clone();
        let cancel = self.cancel.clone();
        let service = kind::Service::run(kind.clone(), context, orders, came, cancel);
        self.running.spawn(kind, service);
    }

    /// Ends all kinds; returns the number of attempts that were given up.
    pub(super) async fn drain(&mut self, within: Duration) -> usize {
        let deadline = Instant::now() + within;
        self.context.admission.resume();
        for order in self.orders.values() {
            order.send_replace(Order {
                give_up_at: Some(deadline),
                ..Order::default()
            });
        }
        let mut given_up = 0;
        let all_ended = async {
            while let Some(ended) = self.running.next().await {
                given_up += self.on_ended(ended).1;
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

    /// Ends all kinds at once.
    pub(super) async fn stop(&mut self) {
        self.running.shutdown().await;
    }
}

/// Returns the active release of each kind.
fn served(chosen: &BTreeMap<Kind, Vec<Chosen>>) -> BTreeMap<Kind, ReleaseDigest> {
    let active = |(kind, releases): (&Kind, &Vec<Chosen>)| {
        let active = releases.iter().find(|chosen| chosen.is_active)?;
        Some((kind.clone(), active.release.id.digest.clone()))
    };
    chosen.iter().filter_map(active).collect()
}

/// Returns the versions of a kind that are to serve and are not here yet.
fn coming(kind: &Kind, desired: &LocalDesired, here: &[Chosen]) -> BTreeSet<Arc<str>> {
    let wanted = desired.kinds.get(kind).into_iter();
    let wanted = wanted.flat_map(|desired| desired.stable.iter().chain(&desired.kept));
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
