//! The hub's side of one consumer.

use tokio::sync::{OwnedSemaphorePermit, mpsc};
use utakata_model::{Kind, Zone};

use super::{
    connection::Replies,
    message::{Answer, Fetched, Label, TASKS_MOST, raw},
};
use crate::{Consumer, Delivery, Error, Tag, Tasks, wire};

/// What the client asks of its consumer.
#[derive(Debug)]
pub(super) enum Command {
    Fetch {
        id: u64,
        most: usize,
    },
    /// Acknowledges or gives back; the place among the client's requests is free afterwards.
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

/// One consumer of a client. When it is dropped, so is the consumer: what is not acknowledged
/// goes to others.
pub(super) struct Queue {
    consumer: Box<dyn Consumer>,
    commands: mpsc::Receiver<Command>,
    replies: Replies,
    /// The fetching that is under way.
    wanted: Option<(u64, usize)>,
}

impl Queue {
    /// Opens it, says so, and serves it until the client leaves it.
    pub(super) async fn run(
        id: u64,
        (zone, kind): (Zone, Kind),
        tasks: &dyn Tasks,
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
            commands,
            replies,
            wanted: None,
        };
        queue.serve().await;
    }

    async fn serve(mut self) {
        loop {
            // A fetching that a command interrupts has taken nothing, and is begun again.
            let most = self.wanted.map_or(0, |(_, most)| most);
            let fetched = tokio::select! {
                biased;
                command = self.commands.recv() => match command {
                    Some(command) => {
                        self.obey(command).await;
                        continue;
                    }
                    None => return,
                },
                fetched = self.consumer.fetch(most), if most > 0 => fetched,
            };
            if let Some((id, _)) = self.wanted.take() {
                self.replies.send(id, fetching(fetched)).await;
            }
        }
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Fetch { id, most } => self.wanted = Some((id, most.min(TASKS_MOST))),
            Command::Settle {
                id,
                tags,
                how,
                place,
            } => {
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

fn encode(deliveries: Vec<Delivery>) -> Result<Answer, wire::Error> {
    let label = |delivery: &Delivery| Label {
        tag: delivery.tag.0,
        redelivered: delivery.redelivered,
    };
    let labels = deliveries.iter().map(label).collect();
    let tasks: Vec<_> = deliveries.into_iter().map(|d| d.task).collect();
    let tasks = raw(wire::encode_tasks(&tasks)?)?;
    Ok(Answer::Fetched(Fetched { labels, tasks }))
}
