//! Carries out what the ledger has decided and recorded. The ledger does not wait for it: what is
//! lost here is requested, published or reported again.

use std::{collections::HashMap, sync::Arc};

use tokio::sync::mpsc;
use utakata_interconnect::{Event, Events, Sender, Tasks};
use utakata_invariant as invariant;
use utakata_model::{Kind, Task};
use utakata_permit::message::{Answer, PermitBatch, Recorded, RecordedBatch};

use super::{hand_over, read_back::ReadBacks, state::Effect};
use crate::{
    dispatch::{Conclusion, Dispatch},
    evidence::ReadBackCounts,
    inventory::Inventory,
};

/// The number of batches that may wait to be handed to the inter connect. Further ones are left
/// out, and come again.
const QUEUE: usize = 1024;

/// Carries out effects, without waiting.
pub(super) struct Actor {
    tasks: mpsc::Sender<Vec<Task>>,
    events: mpsc::Sender<Vec<Event>>,
    read_backs: ReadBacks,
    dispatch: Arc<Dispatch>,
    inventory: Arc<Inventory>,
    counts: Arc<ReadBackCounts>,
}

/// Hands tasks and events over to the inter connect; neither waits for the other.
pub(super) struct Couriers {
    tasks: mpsc::Receiver<Vec<Task>>,
    events: mpsc::Receiver<Vec<Event>>,
}

impl Actor {
    pub fn new(
        (dispatch, inventory): (Arc<Dispatch>, Arc<Inventory>),
        read_backs: ReadBacks,
        counts: Arc<ReadBackCounts>,
    ) -> (Self, Couriers) {
        let (tasks, to_tasks) = mpsc::channel(QUEUE);
        let (events, to_events) = mpsc::channel(QUEUE);
        let actor = Self {
            tasks,
            events,
            read_backs,
            dispatch,
            inventory,
            counts,
        };
        let couriers = Couriers {
            tasks: to_tasks,
            events: to_events,
        };
        (actor, couriers)
    }

    pub fn act(&self, effects: Vec<Effect>) {
        let mut tasks = Vec::new();
        let mut answers: HashMap<(Sender, Kind), Vec<Answer>> = HashMap::new();
        let mut recorded: HashMap<(Sender, Kind), Vec<Recorded>> = HashMap::new();
        for effect in effects {
            match effect {
                Effect::Publish(task) => {
                    let task = self.inventory.with_references(task);
                    tasks.push(self.dispatch.pinned(task));
                }
                Effect::Answer(to, kind, answer) => {
                    answers.entry((to, kind)).or_default().push(answer);
                }
                Effect::Recorded(to, kind, written) => {
                    recorded.entry((to, kind)).or_default().push(written);
                }
                Effect::ReadBack(read) => self.read_backs.verify(read),
                Effect::Capture(read) => self.read_backs.capture(read),
                Effect::Tell(concluded) => self.tell(concluded),
                Effect::Broken(what, task) => invariant::broken(what, &task),
                Effect::Reply(reply) => reply(),
            }
        }
        for ((to, _), answers) in &answers {
            let histograms = self.dispatch.histograms();
            histograms.answered(&to.environment, answers);
        }
        let permits = answers.into_iter().map(permits);
        let events: Vec<Event> = permits.chain(recorded.into_iter().map(records)).collect();
        if !events.is_empty() && self.events.try_send(events).is_err() {
            tracing::warn!(
                "permits were left out, because the inter connect does not take them fast enough; \
                 they will be requested again"
            );
        }
        if !tasks.is_empty() && self.tasks.try_send(tasks).is_err() {
            tracing::warn!(
                "control tasks were left out, because the inter connect does not take them fast \
                 enough; they will be published again"
            );
        }
    }

    fn tell(&self, concluded: Conclusion) {
        if let (Some(shows), Some(ran_by)) = (concluded.shows, &concluded.outcome.ran_by) {
            self.counts.count(&ran_by.release.digest, shows);
        }
        self.dispatch.concluded(concluded);
    }
}

fn permits(((to, kind), answers): ((Sender, Kind), Vec<Answer>)) -> Event {
    Event::Permits(Arc::new(PermitBatch {
        environment: to.environment,
        incarnation: to.incarnation,
        kind,
        answers,
    }))
}

fn records(((to, kind), attempts): ((Sender, Kind), Vec<Recorded>)) -> Event {
    Event::Recorded(Arc::new(RecordedBatch {
        environment: to.environment,
        incarnation: to.incarnation,
        kind,
        attempts,
    }))
}

impl Couriers {
    /// Hands over what arrives until the ledger has ended.
    pub async fn run(self, tasks: Arc<dyn Tasks>, events: Arc<dyn Events>) {
        tokio::join!(
            hand_over::tasks(self.tasks, tasks),
            hand_over_events(self.events, events)
        );
    }
}

async fn hand_over_events(mut queue: mpsc::Receiver<Vec<Event>>, to: Arc<dyn Events>) {
    let mut batches = Vec::new();
    while queue.recv_many(&mut batches, QUEUE).await > 0 {
        let events: Vec<Event> = batches.drain(..).flatten().collect();
        if let Err(error) = to.publish(events).await {
            tracing::warn!(%error, "permits were not handed over; they will be requested again");
        }
    }
}
