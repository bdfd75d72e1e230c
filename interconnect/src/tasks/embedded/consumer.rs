//! A consumer of an embedded queue.

use std::{collections::BTreeMap, pin::pin, sync::Arc};

use async_trait::async_trait;
use utakata_model::{Class, Task};

use super::queue::{TaskQueue, WaitingTask};
use crate::{Consumer, Delivery, Error, Tag};

pub(super) struct EmbeddedConsumer {
    queue: Arc<TaskQueue>,
    next_tag: u64,
    /// Control tasks fetched and not yet acknowledged, in the order of fetching. Tasks that observe
    /// are not kept: one that is lost is scheduled again.
    fetched: BTreeMap<Tag, Task>,
}

impl EmbeddedConsumer {
    pub(super) fn new(queue: Arc<TaskQueue>) -> Self {
        Self {
            queue,
            next_tag: 0,
            fetched: BTreeMap::new(),
        }
    }

    fn deliver(&mut self, waiting: WaitingTask) -> Delivery {
        let tag = Tag(self.next_tag);
        self.next_tag += 1;
        if waiting.task.class == Class::Control {
            self.fetched.insert(tag, waiting.task.clone());
        }
        Delivery {
            tag,
            task: waiting.task,
            redelivered: waiting.redelivered,
        }
    }
}

#[async_trait]
impl Consumer for EmbeddedConsumer {
    async fn fetch(&mut self, max: usize) -> Result<Vec<Delivery>, Error> {
        if max == 0 {
            return Ok(Vec::new());
        }
        let queue = Arc::clone(&self.queue);
        loop {
            // Registers before it looks, so that no task slips in unnoticed. Nothing is awaited
            // after tasks were taken, which makes this cancel safe.
            let mut filled = pin!(queue.filled());
            filled.as_mut().enable();
            if let Some(taken) = queue.take(max)? {
                return Ok(taken.into_iter().map(|w| self.deliver(w)).collect());
            }
            filled.await;
        }
    }

    async fn acknowledge(&mut self, tags: &[Tag]) -> Result<(), Error> {
        if self.fetched.is_empty() {
            return Ok(());
        }
        let acknowledged = tags
            .iter()
            .filter_map(|tag| self.fetched.remove(tag))
            .count();
        self.queue.forget(acknowledged);
        Ok(())
    }

    async fn give_back(&mut self, tags: &[Tag]) -> Result<(), Error> {
        let mut returned: Vec<_> = tags
            .iter()
            .filter_map(|tag| self.fetched.remove_entry(tag))
            .collect();
        if !returned.is_empty() {
            returned.sort_unstable_by_key(|(tag, _)| *tag);
            self.queue
                .put_back(returned.into_iter().map(|(_, task)| task));
        }
        Ok(())
    }
}

impl Drop for EmbeddedConsumer {
    fn drop(&mut self) {
        if !self.fetched.is_empty() {
            let fetched = std::mem::take(&mut self.fetched);
            self.queue.put_back(fetched.into_values());
        }
    }
}
