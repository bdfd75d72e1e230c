//! Task queues that go wrong.

use std::sync::Arc;

use async_trait::async_trait;
use utakata_model::{Class, Kind, Task, Zone};

use super::{Counts, Failure, Fate, Faults, away};
use crate::{Consumer, Delivery, Error, Refusal, Tag, Tasks};

/// Task queues that go wrong. Cheap to clone.
#[derive(Clone)]
pub struct FaultyTasks {
    inner: Arc<dyn Tasks>,
    fate: Arc<Fate>,
}

impl FaultyTasks {
    /// These queues, with these faults.
    pub fn new(inner: Arc<dyn Tasks>, faults: Faults) -> Self {
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
impl Tasks for FaultyTasks {
    async fn publish(&self, tasks: Vec<Task>) -> Result<Vec<Refusal>, Error> {
        self.fate.delay().await;
        let failure = self.fate.failure();
        if failure == Some(Failure::Before) {
            return Err(away());
        }
        let tasks = self.fate.disturb(tasks, |t| t.class == Class::Observe);
        let refused = self.inner.publish(tasks).await?;
        match failure {
            Some(_) => Err(away()),
            None => Ok(refused),
        }
    }

    async fn consume(&self, zone: &Zone, kind: &Kind) -> Result<Box<dyn Consumer>, Error> {
        self.fate.delay().await;
        self.fate.fail()?;
        Ok(Box::new(FaultyConsumer {
            inner: self.inner.consume(zone, kind).await?,
            fate: Arc::clone(&self.fate),
        }))
    }
}

struct FaultyConsumer {
    inner: Box<dyn Consumer>,
    fate: Arc<Fate>,
}

#[async_trait]
impl Consumer for FaultyConsumer {
    async fn fetch(&mut self, most: usize) -> Result<Vec<Delivery>, Error> {
        // All waiting comes before the fetching: so it stays cancel safe.
        self.fate.delay().await;
        self.fate.fail()?;
        let mut fetched = self.inner.fetch(most).await?;
        self.fate.reorder(&mut fetched);
        Ok(fetched)
    }

    async fn acknowledge(&mut self, tags: &[Tag]) -> Result<(), Error> {
        self.fate.delay().await;
        self.fate.fail()?;
        self.inner.acknowledge(tags).await
    }

    async fn give_back(&mut self, tags: &[Tag]) -> Result<(), Error> {
        self.fate.delay().await;
        self.fate.fail()?;
        self.inner.give_back(tags).await
    }
}
