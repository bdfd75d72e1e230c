//! Observe tasks that wait in this process for the broker: few, and the oldest are dropped first.

use std::{collections::VecDeque, pin::pin, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use utakata_interconnect::Error;
use utakata_model::{Class, Task};

use super::{
    batch,
    link::Link,
    publisher::{Fate, Parcel, Publisher},
};

/// The number of messages that the broker has not accepted yet. More would make control wait behind
/// them, because both classes share a connection.
const IN_FLIGHT: usize = 64;

#[derive(Debug)]
pub(super) struct Reads {
    link: Arc<Link>,
    limit: usize,
    per_message: usize,
    waiting: Mutex<VecDeque<Task>>,
    filled: Notify,
}

impl Reads {
    pub(super) fn new(link: Arc<Link>, limit: usize, per_message: usize) -> Self {
        Self {
            link,
            limit,
            per_message,
            waiting: Mutex::default(),
            filled: Notify::new(),
        }
    }

    /// Adds tasks; those in excess, or that cannot be sent now, are dropped and counted.
    pub(super) fn push(&self, tasks: Vec<Task>) {
        if !self.link.is_up() {
            self.link.health().dropped(tasks.len());
            return;
        }
        let (waiting, dropped) = {
            let mut waiting = self.waiting.lock();
            waiting.extend(tasks);
            let dropped = waiting.len().saturating_sub(self.limit);
            waiting.drain(..dropped);
            (waiting.len(), dropped)
        };
        self.link.health().waiting(waiting);
        if dropped > 0 {
            self.link.health().dropped(dropped);
        }
        self.filled.notify_one();
    }

    /// Sends queued tasks together until it is asked to stop.
    pub(super) async fn run(self: Arc<Self>, config: super::Config, stop: CancellationToken) {
        let in_flight = IN_FLIGHT.min(config.in_flight);
        let link = Arc::clone(&self.link);
        let publisher = Publisher::new(link, Class::Observe, in_flight, config.confirm_timeout);
        loop {
            let tasks = tokio::select! {
                tasks = self.next() => tasks,
                () = stop.cancelled() => return,
            };
            let count = tasks.len();
            match self.send(&publisher, tasks).await {
                Ok(0) => {}
                Ok(dropped) => self.link.health().dropped(dropped),
                Err(error) => {
                    tracing::debug!(%error, count, "observe tasks are dropped");
                    self.link.health().dropped(count);
                }
            }
        }
    }

    async fn next(&self) -> Vec<Task> {
        loop {
            let mut filled = pin!(self.filled.notified());
            filled.as_mut().enable();
            let taken: Vec<Task> = {
                let mut waiting = self.waiting.lock();
                let max = waiting.len().min(IN_FLIGHT * self.per_message);
                waiting.drain(..max).collect()
            };
            if !taken.is_empty() {
                self.filled.notify_one();
                return taken;
            }
            self.link.health().waiting(0);
            filled.await;
        }
    }

    /// Sends tasks, and returns the number of those dropped.
    async fn send(&self, publisher: &Publisher, tasks: Vec<Task>) -> Result<usize, Error> {
        let now = self.link.clock().now();
        let mut parcels = Vec::new();
        let mut dropped = 0;
        for batch in batch::group(tasks, self.per_message) {
            let (count, route) = (batch.tasks.len(), batch.route);
            let worth = batch::worth(&batch.tasks, now);
            let (Some(key), Some(_)) = (route.key(Class::Observe), worth) else {
                dropped += count;
                continue;
            };
            match batch::messages(batch.tasks, self.link.clock()) {
                Ok(messages) => parcels.extend(messages.into_iter().map(|message| Parcel {
                    key: key.clone(),
                    message,
                    worth,
                    left: None,
                })),
                Err(error) => {
                    tracing::error!(%error, "observe tasks cannot be written as a message");
                    dropped += count;
                }
            }
        }
        if parcels.is_empty() {
            return Ok(dropped);
        }
        for (tasks, fate) in publisher.publish(parcels).await? {
            if fate != Fate::Kept {
                dropped += tasks.len();
            }
        }
        Ok(dropped)
    }
}
