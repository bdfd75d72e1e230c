//! Task queues with faults.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::Instant;
use utakata_interconnect::{Consumer, Delivery, Error, Refusal, Tag, Tasks};
use utakata_model::{Class, Kind, Task, Zone};

use super::{
    Counts, Failure, Fate, Faults, Lose, away,
    late::{Late, until},
};

/// Task queues with faults. Cheap to clone.
#[derive(Clone)]
pub struct FaultyTasks {
    inner: Arc<dyn Tasks>,
    fate: Arc<Fate>,
}

impl FaultyTasks {
    /// Wraps queues with these faults.
    pub fn new(inner: Arc<dyn Tasks>, faults: Faults) -> Self {
        Self {
            inner,
            fate: Fate::new(faults),
        }
    }

    /// Returns the counts of the faults so far.
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
        let tasks = self.fate.disturb(tasks, may_be_lost);
        let refused = self.inner.publish(tasks).await?;
        match failure {
            // The tasks were published, and the publisher does not learn of it.
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
            late: Late::default(),
        }))
    }
}

fn may_be_lost(task: &Task, lose: Lose) -> bool {
    lose == Lose::Anything || task.class == Class::Observe
}

struct FaultyConsumer {
    inner: Box<dyn Consumer>,
    fate: Arc<Fate>,
    /// Tasks that were fetched and not yet delivered.
    late: Late<Delivery>,
}

#[async_trait]
impl Consumer for FaultyConsumer {
    async fn fetch(&mut self, max: usize) -> Result<Vec<Delivery>, Error> {
        // All waiting comes before the fetching, so that it stays cancel safe.
        self.fate.delay().await;
        self.fate.fail()?;
        loop {
            let due = self.late.due(Instant::now(), max);
            if !due.is_empty() {
                return Ok(due);
            }
            let mut fetched = tokio::select! {
                biased;
                fetched = self.inner.fetch(max) => fetched?,
                () = until(self.late.next_due()) => continue,
            };
            self.fate.reorder(&mut fetched);
            let on_time = self.fate.hold_up(fetched, &mut self.late, |_| true);
            if max == 0 || !on_time.is_empty() {
                return Ok(on_time);
            }
        }
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
