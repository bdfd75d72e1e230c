//! The events of the inter connect, each passed on to the services that it concerns.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use utakata_interconnect::{
    Event, Events, Interest, OutcomeBatch, Zones,
    message::content::{ContentRequest, FetchBatch},
};
use utakata_model::{Class, EnvironmentStatus, Origin, Outcome, Readings, Schedule};

use super::site::Site;
use crate::{
    alarms::Alarms, dispatch::Dispatch, history::Recorder, ledger::Ledger,
    notifications::Notifications,
};

/// The pause before another attempt to subscribe.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// The receiver of events, which passes each on.
pub(super) struct Receiver {
    pub site: Arc<Site>,
    pub dispatch: Arc<Dispatch>,
    pub ledger: Ledger,
    pub notifications: Arc<Notifications>,
    pub alarms: Alarms,
    pub recorder: Recorder,
    /// Requests for the content of releases. One that finds it full is repeated by its sender.
    pub fetches: mpsc::Sender<Arc<FetchBatch>>,
    /// Requests for credentials. One that finds it full is repeated by its sender.
    pub loans: mpsc::Sender<Arc<FetchBatch>>,
}

impl Receiver {
    /// Receives events until it is cancelled or the inter connect is closed.
    pub async fn run(&self, events: Arc<dyn Events>, cancel: CancellationToken) {
        while !cancel.is_cancelled() {
            tokio::select! {
                () = cancel.cancelled() => return,
                ended = self.follow(events.as_ref()) => match ended {
                    utakata_interconnect::Error::Closed => return,
                    error @ utakata_interconnect::Error::Away { .. } => {
                        tracing::warn!(%error, "events cannot be followed now");
                        tokio::time::sleep(RETRY_AFTER).await;
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
                tracing::warn!(missed, "readings or outcomes of reads arrived too fast");
            }
        }
    }

    async fn take_in(&self, events: Vec<Event>) {
        for event in events {
            match &event {
                Event::Readings(readings) => self.readings(readings),
                Event::Outcomes(batch) => self.outcomes(batch).await,
                Event::Environment(status) => {
                    self.site.environments.meet(status).await;
                    self.site.kinds.hear(status);
                    if self.counts(status) {
                        self.site.desired.on_status(status);
                        self.site.rollouts.on_status(status);
                        self.ledger.on_status(Arc::clone(status)).await;
                    }
                }
                Event::Alarms(_) => {}
                Event::Start(batch) => {
                    self.dispatch.histograms().asked(batch);
                    self.ledger.on_asks(Arc::clone(batch)).await;
                    continue;
                }
                Event::Forgotten(id) => {
                    self.site.kinds.forget_status(id);
                    continue;
                }
                Event::Datagrams(batch) => {
                    self.notifications.hear(batch);
                    continue;
                }
                Event::Notification(one) => self.notifications.heard_elsewhere(one),
                // Our own messages to others.
                Event::Deleted(_) | Event::Permits(_) | Event::Recorded(_) => continue,
                Event::Desired(_) | Event::Content(_) | Event::Replies(_) => continue,
                Event::Fetch(batch) => {
                    if batch.wants.iter().any(ContentRequest::is_of_keys) {
                        let _ = self.loans.try_send(Arc::clone(batch));
                    } else {
                        let _ = self.fetches.try_send(Arc::clone(batch));
                    }
                    continue;
                }
            }
            self.dispatch.tell(event);
        }
    }

    /// Returns true if more may follow from a status than that it is shown. Where messages cross a
    /// network, somebody whose key is not accepted may have sent it.
    fn counts(&self, status: &EnvironmentStatus) -> bool {
        let Some(signatures) = &self.site.signatures else {
            return true;
        };
        let counts = self.site.kinds.counts(status);
        if counts {
            signatures.on_status(status);
        }
        counts
    }

    /// Returns true if a task of another logic environment requested everything, judged by its
    /// schedule as known here.
    fn is_of_all(&self, outcome: &Outcome) -> bool {
        let Origin::Schedule(name) = &outcome.origin else {
            return false;
        };
        let asks_for_all = |schedule: &Arc<Schedule>| {
            let parameters = schedule.parameters.as_object();
            parameters.is_none_or(serde_json::Map::is_empty)
        };
        self.site
            .inventory
            .schedule(name)
            .is_ok_and(|schedule| asks_for_all(&schedule))
    }

    async fn outcomes(&self, batch: &Arc<OutcomeBatch>) {
        for outcome in &batch.outcomes {
            self.observed(outcome);
        }
        for at in self.dispatch.outcomes(batch) {
            let outcome = &batch.outcomes[at];
            if let Some(known) = self.site.inventory.find(&outcome.target) {
                self.site.observed.ended(&known, outcome);
                if self.is_of_all(outcome) {
                    self.site.observed.read_all(&known, outcome);
                }
            }
        }
        if batch.outcomes.iter().any(|one| one.class == Class::Control) {
            self.ledger.on_outcomes(Arc::clone(batch)).await;
        }
    }

    /// Tells history and alarms of the end of an attempt to observe, whoever requested it.
    fn observed(&self, outcome: &Outcome) {
        let Some(known) = self.site.inventory.find(&outcome.target) else {
            return;
        };
        if Recorder::wants(outcome) {
            self.recorder.outcome(outcome);
        }
        if outcome.class == Class::Observe {
            self.alarms.ended(&known, outcome);
        }
    }

    fn readings(&self, readings: &Arc<Readings>) {
        let known = self.dispatch.known(readings);
        if let Some(known) = known.or_else(|| self.site.inventory.find(&readings.target)) {
            let heard = self.site.observed.saw(&known, readings);
            self.recorder.readings(readings, heard);
            self.alarms.saw(&known, readings);
        }
    }
}
