//! The hub's side of one consumer.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use utakata_model::{Class, Kind, Task, Zone};

use super::{
    message::{Answer, Fetched, Label, MAX_TASKS, written},
    replies::Replies,
};
use crate::{Consumer, Delivery, Error, Tag, Tasks, message};

/// A command from the client to its consumer.
#[derive(Debug)]
pub(super) enum Command {
    Fetch {
        id: u64,
        max: usize,
    },
    /// Acknowledges or gives back; the slot among the client's requests is free afterwards.
    Settle {
        id: u64,
        tags: Vec<Tag>,
        how: Settle,
        place: OwnedSemaphorePermit,
    },
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Settle {
    Acknowledge,
    GiveBack,
}

/// Reads that were sent to the client and not yet confirmed. The queue no longer has them. Cheap to
/// clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Unconfirmed(Arc<Mutex<BTreeMap<Tag, Task>>>);

impl Unconfirmed {
    fn keep(&self, deliveries: &[Delivery]) {
        let reads = deliveries.iter().filter(|d| d.task.class == Class::Observe);
        let reads = reads.map(|delivery| (delivery.tag, delivery.task.clone()));
        self.0.lock().extend(reads);
    }

    fn take(&self, tags: &[Tag]) -> Vec<Task> {
        let mut kept = self.0.lock();
        tags.iter().filter_map(|tag| kept.remove(tag)).collect()
    }

    /// Returns everything the client never received to the queues.
    pub(super) async fn give_back(&self, tasks: &dyn Tasks) {
        let kept = std::mem::take(&mut *self.0.lock());
        give_back(tasks, kept.into_values().collect()).await;
    }
}

async fn give_back(tasks: &dyn Tasks, reads: Vec<Task>) {
    if reads.is_empty() {
        return;
    }
    // A read that finds no room is lost, like any surplus read.
    if let Err(error) = tasks.publish(reads).await {
        tracing::warn!(%error, "reads that a client did not hear of are lost");
    }
}

/// One consumer of a client. Dropping it drops the consumer: whatever is not acknowledged goes to
/// others.
pub(super) struct ConsumerQueue<'a> {
    consumer: Box<dyn Consumer>,
    tasks: &'a dyn Tasks,
    unconfirmed: Unconfirmed,
    commands: mpsc::Receiver<Command>,
    replies: Replies,
    /// The fetch in progress: the id of its request, and the most tasks wanted.
    wanted: Option<(u64, usize)>,
}

impl<'a> ConsumerQueue<'a> {
    /// Opens the consumer, answers, and serves it until the client leaves it.
    pub(super) async fn run(
        id: u64,
        (zone, kind): (Zone, Kind),
        tasks: &'a dyn Tasks,
        unconfirmed: Unconfirmed,
        commands: mpsc::Receiver<Command>,
        replies: Replies,
    ) {
        let consumer = match tasks.consume(&zone, &kind).await {
            Ok(consumer) => consumer,
            Err(error) => return replies.send(id, Answer::failed(&error)).await,
        };
        replies.send(id, Answer::Done).await;
        let queue = Self {
            consumer,
            tasks,
            unconfirmed,
            commands,
            replies,
            wanted: None,
        };
        queue.serve().await;
    }

    async fn serve(mut self) {
        loop {
            // A fetch interrupted by a command has taken nothing, and is started again.
            let max = self.wanted.map_or(0, |(_, max)| max);
            let fetched = tokio::select! {
                biased;
                command = self.commands.recv() => match command {
                    Some(command) => {
                        self.obey(command).await;
                        continue;
                    }
                    None => return,
                },
                fetched = self.consumer.fetch(max), if max > 0 => fetched,
            };
            if let Some((id, _)) = self.wanted.take() {
                self.unconfirmed
                    .keep(fetched.as_deref().unwrap_or_default());
                self.replies.send(id, fetching(fetched)).await;
            }
        }
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Fetch { id, max } => self.wanted = Some((id, max.min(MAX_TASKS))),
            Command::Settle {
                id,
                tags,
                how,
                place,
            } => {
                let reads = self.unconfirmed.take(&tags);
                if let Settle::GiveBack = how {
                    give_back(self.tasks, reads).await;
                }
                let settled = match how {
                    Settle::Acknowledge => self.consumer.acknowledge(&tags).await,
                    Settle::GiveBack => self.consumer.give_back(&tags).await,
                };
                drop(place);
                self.replies.send(id, Answer::of(settled)).await;
            }
        }
    }
}

fn fetching(fetched: Result<Vec<Delivery>, Error>) -> Answer {
    match fetched {
        Ok(deliveries) => encode(deliveries).unwrap_or_else(|error| {
            tracing::error!(%error, "tasks cannot be handed to a client");
            Answer::Failed(error.to_string())
        }),
        Err(error) => Answer::failed(&error),
    }
}

fn encode(deliveries: Vec<Delivery>) -> Result<Answer, message::Error> {
    let label = |delivery: &Delivery| Label {
        tag: delivery.tag.0,
        redelivered: delivery.redelivered,
    };
    let labels = deliveries.iter().map(label).collect();
    let tasks: Vec<_> = deliveries.into_iter().map(|d| d.task).collect();
    let tasks = written(&tasks)?;
    Ok(Answer::Fetched(Fetched { labels, tasks }))
}
