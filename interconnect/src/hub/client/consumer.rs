//! A consumer at a hub.

use std::{collections::VecDeque, sync::Arc};

use async_trait::async_trait;
use utakata_model::{Kind, Task, Zone};

use super::{
    super::message::{Answer, Ask, Fetched, read},
    done,
    link::{Coming, Lease, Link},
    unexpected,
};
use crate::{Consumer, Delivery, Error, Tag};

/// A consumer at a hub. A fetch that was cancelled continues at the hub, and the next one has its
/// result. When the consumer is dropped, the hub gives everything unacknowledged to others.
pub(super) struct HubConsumer {
    /// The answer to a fetch under way. Dropped before the lease, so that nothing waits for it by
    /// then.
    coming: Option<Coming>,
    fetched: VecDeque<Delivery>,
    lease: Lease,
}

impl HubConsumer {
    pub(super) async fn open(link: Arc<Link>, zone: &Zone, kind: &Kind) -> Result<Self, Error> {
        let lease = link.lease().await?;
        let consume = Ask::Consume {
            open: lease.open,
            zone: zone.clone(),
            kind: kind.clone(),
        };
        done(lease.link.ask(consume).await?)?;
        Ok(Self {
            coming: None,
            fetched: VecDeque::new(),
            lease,
        })
    }

    async fn pull(&mut self, max: usize) -> Result<(), Error> {
        let coming = match &mut self.coming {
            Some(coming) => coming,
            none => {
                let open = self.lease.open;
                let fetch = Ask::Fetch { open, max };
                none.insert(self.lease.link.pull(fetch).await?)
            }
        };
        let answer = coming.await;
        self.coming = None;
        match answer.map_err(|_| self.lease.link.away())? {
            Answer::Fetched(fetched) => self.fetched.extend(deliveries(fetched)?),
            other => return Err(unexpected(&other)),
        }
        Ok(())
    }

    async fn settle(&mut self, ask: Ask) -> Result<(), Error> {
        done(self.lease.link.ask(ask).await?)
    }
}

#[async_trait]
impl Consumer for HubConsumer {
    async fn fetch(&mut self, max: usize) -> Result<Vec<Delivery>, Error> {
        if max == 0 {
            return Ok(Vec::new());
        }
        while self.fetched.is_empty() {
            self.pull(max).await?;
        }
        let max = max.min(self.fetched.len());
        Ok(self.fetched.drain(..max).collect())
    }

    async fn acknowledge(&mut self, tags: &[Tag]) -> Result<(), Error> {
        let (open, tags) = (self.lease.open, numbers(tags));
        self.settle(Ask::Acknowledge { open, tags }).await
    }

    async fn give_back(&mut self, tags: &[Tag]) -> Result<(), Error> {
        let (open, tags) = (self.lease.open, numbers(tags));
        self.settle(Ask::GiveBack { open, tags }).await
    }
}

fn numbers(tags: &[Tag]) -> Vec<u64> {
    tags.iter().map(|tag| tag.0).collect()
}

/// Returns the tasks of an answer with their tags.
///
/// # Errors
/// The answer cannot be read. Its tasks stay unacknowledged, and whoever sees the error drops the
/// consumer.
fn deliveries(fetched: Fetched) -> Result<Vec<Delivery>, Error> {
    let tasks = read::<Vec<Task>>(&fetched.tasks);
    let tasks = tasks.map_err(|error| Error::Away {
        reason: error.to_string(),
    })?;
    if tasks.len() != fetched.labels.len() {
        let reason = "the hub sent tasks and labels in different numbers".into();
        return Err(Error::Away { reason });
    }
    let delivered = fetched.labels.into_iter().zip(tasks);
    Ok(delivered
        .map(|(label, task)| Delivery {
            tag: Tag(label.tag),
            task,
            redelivered: label.redelivered,
        })
        .collect())
}
