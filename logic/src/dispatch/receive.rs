//! What comes back: readings, outcomes, how environments are.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use utakata_interconnect::{
    Event, Events, Interest, OutcomeBatch, Zones, events::content::FetchBatch,
};
use utakata_model::{Class, Readings};

use super::{Dispatch, Ended, Item, OutcomeRef, Shown, pending::Entry};
use crate::{
    environments::Environments, inventory::Inventory, kinds::Kinds, ledger::Ledger,
    orders::OrderBook, rollouts::Rollouts,
};

/// Between tries to subscribe again.
const AGAIN: Duration = Duration::from_millis(500);

/// Who is told of what comes.
pub struct Receiver {
    /// Hands tasks over, and knows what is under way.
    pub dispatch: Arc<Dispatch>,
    /// Which kinds are served.
    pub kinds: Arc<Kinds>,
    /// Which zones environments are of.
    pub environments: Arc<Environments>,
    /// The targets.
    pub inventory: Arc<Inventory>,
    /// Control.
    pub ledger: Ledger,
    /// What is asked of the environments.
    pub orders: Arc<OrderBook>,
    /// Rollouts.
    pub rollouts: Arc<Rollouts>,
    /// Asks for content of releases. What finds it full is asked again.
    pub fetches: mpsc::Sender<Arc<FetchBatch>>,
}

impl Receiver {
    /// Takes in what is published until it is cancelled or the inter connect is closed.
    pub async fn run(&self, events: Arc<dyn Events>, cancel: CancellationToken) {
        while !cancel.is_cancelled() {
            tokio::select! {
                () = cancel.cancelled() => return,
                ended = self.follow(events.as_ref()) => match ended {
                    utakata_interconnect::Error::Closed => return,
                    error @ utakata_interconnect::Error::Away { .. } => {
                        tracing::warn!(%error, "events are not followed now");
                        tokio::time::sleep(AGAIN).await;
                    }
                },
            }
        }
    }

    async fn follow(&self, events: &dyn Events) -> utakata_interconnect::Error {
        let interest = Interest {
            starts: true,
            desired: Zones::None,
            ..Interest::ALL
        };
        let mut subscription = match events.subscribe(interest).await {
            Ok(subscription) => subscription,
            Err(error) => return error,
        };
        loop {
            match subscription.next().await {
                Ok(events) => self.take_in(events).await,
                Err(error) => return error,
            }
            let missed = subscription.missed();
            if missed > 0 {
                tracing::warn!(missed, "readings or outcomes of reads came too fast");
            }
        }
    }

    async fn take_in(&self, events: Vec<Event>) {
        for event in events {
            match &event {
                Event::Readings(readings) => self.readings(readings),
                Event::Outcomes(batch) => self.outcomes(batch).await,
                Event::Environment(status) => {
                    self.environments.meet(status).await;
                    self.kinds.hear(status);
                    self.orders.heard(status);
                    self.rollouts.heard(status);
                    self.ledger.heard(Arc::clone(status)).await;
                }
                Event::Start(batch) => {
                    self.ledger.asked(Arc::clone(batch)).await;
                    continue;
                }
                Event::Forgotten(id) => {
                    self.kinds.forget_status(id);
                    continue;
                }
                // Our own words, for others.
                Event::Deleted(_) | Event::Permits(_) | Event::Recorded(_) => continue,
                Event::Desired(_) | Event::Content(_) => continue,
                Event::Fetch(batch) => {
                    let _ = self.fetches.try_send(Arc::clone(batch));
                    continue;
                }
            }
            self.dispatch.tell(event);
        }
    }

    async fn outcomes(&self, batch: &Arc<OutcomeBatch>) {
        for at in self.dispatch.outcomes(batch) {
            let outcome = &batch.outcomes[at];
            if let Some(known) = self.inventory.find(&outcome.target) {
                self.dispatch.latest.ended(&known, outcome);
            }
        }
        if batch.outcomes.iter().any(|one| one.class == Class::Control) {
            self.ledger.told(Arc::clone(batch)).await;
        }
    }

    fn readings(&self, readings: &Arc<Readings>) {
        let known = self.dispatch.known(readings);
        if let Some(known) = known.or_else(|| self.inventory.find(&readings.target)) {
            self.dispatch.latest.saw(&known, readings);
        }
    }
}

impl Dispatch {
    /// Tells the clients that follow.
    pub(super) fn tell(&self, event: Event) {
        if self.feed.receiver_count() > 0 {
            // An error says that the last one has just left.
            let _ = self.feed.send(Item::new(event));
        }
    }

    /// The target that readings are of; remembers them where somebody waits to be shown them.
    fn known(&self, readings: &Arc<Readings>) -> Option<Arc<crate::inventory::Known>> {
        let mut pending = self.pending.lock();
        let entry = pending.get(readings.seen_by.task)?;
        if entry.batch.progress.as_ref().is_some_and(|p| p.keeps()) {
            entry.readings = Some(Arc::clone(readings));
        }
        (entry.known.target.name == readings.target).then(|| Arc::clone(&entry.known))
    }

    /// Outcomes came: those of reads that are under way end them. Gives which of them are of
    /// reads of others: of another logic environment, or of one that was given up.
    fn outcomes(&self, batch: &Arc<OutcomeBatch>) -> Vec<usize> {
        let found: Vec<Option<Entry>> = {
            let mut pending = self.pending.lock();
            let outcomes = batch.outcomes.iter();
            outcomes
                .map(|one| {
                    (one.class == Class::Observe)
                        .then(|| pending.remove(one.task))
                        .flatten()
                })
                .collect()
        };
        let is_other =
            |at: &usize| found[*at].is_none() && batch.outcomes[*at].class == Class::Observe;
        let others = (0..found.len()).filter(is_other).collect();
        let observed = found.into_iter().enumerate().filter_map(|(at, entry)| {
            self.observed(entry?, OutcomeRef::Published(Arc::clone(batch), at))
        });
        let observed = observed.collect();
        self.ended.lock().push(observed);
        others
    }

    /// A read has ended.
    pub(super) fn observed(&self, entry: Entry, outcome: OutcomeRef) -> Option<Ended> {
        let found = outcome.get()?;
        let id = found.task;
        self.latest.ended(&entry.known, found);
        if let Some(slot) = &entry.slot {
            slot.free();
        }
        if let Some(progress) = &entry.batch.progress {
            progress.ended(found, || Shown {
                outcome: outcome.clone(),
                readings: entry.readings,
            });
        }
        Some(Ended {
            id,
            batch: entry.batch,
            known: entry.known,
            outcome,
        })
    }
}
