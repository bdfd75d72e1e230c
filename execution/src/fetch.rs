//! Fetches the tasks of one kind, and connects again when the inter connect was away.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use utakata_interconnect::{Consumer, Delivery, Error, Tag, Tasks, connection::draw};
use utakata_model::{Backoff, Kind, Zone};

/// The wait before connecting again; longer each time.
const FIRST_RETRY: Duration = Duration::from_millis(500);
const MAX_RETRY: Duration = Duration::from_secs(5);

/// The result of a fetch.
#[derive(Debug)]
pub(crate) enum Fetched {
    /// Tasks that were fetched.
    Deliveries(Vec<Delivery>),
    /// The connection: what was delivered over it and is not acknowledged goes to others.
    Lost,
}

/// Fetches the tasks of one kind.
pub(crate) struct Fetcher {
    tasks: Arc<dyn Tasks>,
    zone: Zone,
    kind: Kind,
    consumer: Option<Box<dyn Consumer>>,
    not_before: Option<Instant>,
    backoff: Backoff,
    /// The error that was logged since the connection was there last.
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

    /// Waits for tasks, up to `most` at once. Cancel safe.
    pub(crate) async fn fetch(&mut self, most: usize) -> Fetched {
        match self.try_fetch(most).await {
            Ok(deliveries) => Fetched::Deliveries(deliveries),
            Err(error) => {
                self.lose(&error);
                Fetched::Lost
            }
        }
    }

    async fn try_fetch(&mut self, most: usize) -> Result<Vec<Delivery>, Error> {
        if let Some(at) = self.not_before {
            tokio::time::sleep_until(at).await;
            self.not_before = None;
        }
        let consumer = match &mut self.consumer {
            Some(consumer) => consumer,
            none => none.insert(self.tasks.consume(&self.zone, &self.kind).await?),
        };
        let fetched = consumer.fetch(most).await?;
        self.backoff.reset();
        self.told = None;
        Ok(fetched)
    }

    /// Acknowledges these. On an error nobody knows whether they are: the connection is lost.
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

    /// Gives these back, for somebody else.
    pub(crate) async fn give_back(&mut self, tags: &[Tag]) {
        if let Some(consumer) = &mut self.consumer
            && !tags.is_empty()
            && let Err(error) = consumer.give_back(tags).await
        {
            self.lose(&error);
        }
    }

    /// Fetches nothing for a while: what was delivered, or is on its way, goes to others.
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
