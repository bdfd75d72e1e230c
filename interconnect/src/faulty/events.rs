//! Events that go wrong.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Counts, Failure, Fate, Faults, away};
use crate::{Error, Event, Events, Interest, Subscription};

/// Events that go wrong. Cheap to clone.
#[derive(Clone)]
pub struct FaultyEvents {
    inner: Arc<dyn Events>,
    fate: Arc<Fate>,
}

impl FaultyEvents {
    /// These events, with these faults.
    pub fn new(inner: Arc<dyn Events>, faults: Faults) -> Self {
        Self {
            inner,
            fate: Fate::new(faults),
        }
    }

    /// How often what went wrong so far.
    pub fn counts(&self) -> Counts {
        self.fate.counts()
    }
}

#[async_trait]
impl Events for FaultyEvents {
    async fn publish(&self, events: Vec<Event>) -> Result<(), Error> {
        self.fate.delay().await;
        let failure = self.fate.failure();
        if failure == Some(Failure::Before) {
            return Err(away());
        }
        let events = self.fate.disturb(events, Event::is_expendable);
        self.inner.publish(events).await?;
        match failure {
            Some(_) => Err(away()),
            None => Ok(()),
        }
    }

    async fn subscribe(&self, interest: Interest) -> Result<Box<dyn Subscription>, Error> {
        self.fate.delay().await;
        self.fate.fail()?;
        Ok(Box::new(FaultySubscription {
            inner: self.inner.subscribe(interest).await?,
            fate: Arc::clone(&self.fate),
        }))
    }
}

struct FaultySubscription {
    inner: Box<dyn Subscription>,
    fate: Arc<Fate>,
}

#[async_trait]
impl Subscription for FaultySubscription {
    async fn next(&mut self) -> Result<Vec<Event>, Error> {
        // All waiting comes before the taking: so it stays cancel safe.
        self.fate.delay().await;
        self.fate.fail()?;
        self.inner.next().await
    }

    fn missed(&mut self) -> u64 {
        self.inner.missed()
    }
}
