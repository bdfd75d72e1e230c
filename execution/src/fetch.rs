//! The fetching of the tasks of one kind, with a new connection after the inter connect was away.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use utakata_interconnect::{Consumer, Delivery, Error, Tag, Tasks, connection::draw};
use utakata_model::{Backoff, Kind, Zone};

/// The first wait before connecting again; it grows each time.
const FIRST_RETRY: Duration = Duration::from_millis(500);
const MAX_RETRY: Duration = Duration::from_secs(5);

/// The result of a fetch.
#[derive(Debug)]
pub(crate) enum Fetched {
    /// Tasks that were fetched.
    Deliveries(Vec<Delivery>),
    /// The connection is lost: unacknowledged deliveries go to others.
    Lost,
}

/// The fetcher of the tasks of one kind.
pub(crate) struct Fetcher {
    tasks: Arc<dyn Tasks>,
    zone: Zone,
    kind: Kind,
    consumer: Option<Box<dyn Consumer>>,
    not_before: Option<Instant>,
    backoff: Backoff,
    /// The error that was logged since the connection was last up.
    told: Option<Error>,
}

impl Fetcher {
    pub(crate) fn new(tasks: Arc<dyn Tasks>, zone: Zone, kind: Kind) -> Self {
        Self {
            tasks,
            zone,
            kind,
            consumer: None,
            not_before: None,
            backoff: Backoff::new(FIRST_RETRY, MAX_RETRY),
            told: None,
        }
    }

    /// Waits for tasks, up to `max` at once. Cancel safe.
    pub(crate) async fn fetch(&mut self, max: usize) -> Fetched {
        match self.try_fetch(max).await {
            Ok(deliveries) => Fetched::Deliveries(deliveries),
            Err(error) => {
                self.lose(&error);
                Fetched::Lost
            }
        }
    }

    async fn try_fetch(&mut self, max: usize) -> Result<Vec<Delivery>, Error> {
        if let Some(at) = self.not_before {
            tokio::time::sleep_until(at).await;
            self.not_before = None;
        }
        let consumer = match &mut self.consumer {
            Some(consumer) => consumer,
            none => none.insert(self.tasks.consume(&self.zone, &self.kind).await?),
        };
        let fetched = consumer.fetch(max).await?;
        self.backoff.reset();
        self.told = None;
        Ok(fetched)
    }

    /// Acknowledges these. After an error nobody knows whether they are: the connection is lost.
    pub(crate) async fn acknowledge(&mut self, tags: &[Tag]) -> Result<(), Error> {
        if tags.is_empty() {
            return Ok(());
        }
        let acknowledged = match &mut self.consumer {
            Some(consumer) => consumer.acknowledge(tags).await,
            None => Err(Error::Closed),
        };
        acknowledged.inspect_err(|error| self.lose(error))
    }

    /// Returns these for others.
    pub(crate) async fn give_back(&mut self, tags: &[Tag]) {
        if let Some(consumer) = &mut self.consumer
            && !tags.is_empty()
            && let Err(error) = consumer.give_back(tags).await
        {
            self.lose(&error);
        }
    }

    /// Fetches nothing for a while: deliveries, even those under way, go to others.
    pub(crate) fn close(&mut self) {
        self.consumer = None;
    }

    fn lose(&mut self, error: &Error) {
        if self.told.as_ref() != Some(error) {
            tracing::warn!(kind = %self.kind, %error, "tasks cannot be fetched: trying again");
            self.told = Some(error.clone());
        }
        self.consumer = None;
        self.not_before = Some(Instant::now() + self.backoff.wait_jittered(draw()));
    }
}
