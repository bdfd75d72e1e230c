//! Control tasks on their way to the broker: each is kept by it, or returns with the reason.

use std::sync::Arc;

use utakata_interconnect::{Error, Refusal, clock::Clock};
use utakata_model::{Class, Task};

use super::{
    Config,
    batch::{self, Batch},
    link::Link,
    publisher::{Fate, Parcel, Publisher},
    routes::Routes,
    topology::Route,
};

#[derive(Debug)]
pub(super) struct Control {
    publisher: Publisher,
    routes: Arc<Routes>,
    limit: u32,
    per_message: usize,
    clock: Clock,
}

impl Control {
    pub(super) fn new(link: Arc<Link>, routes: Arc<Routes>, config: &Config) -> Self {
        let (in_flight, within) = (config.in_flight, config.confirm_timeout);
        Self {
            clock: link.clock().clone(),
            publisher: Publisher::new(link, Class::Control, in_flight, within),
            routes,
            limit: config.control_limit,
            per_message: config.tasks_per_message,
        }
    }

    /// Publishes tasks, and waits until the broker has confirmed each.
    pub(super) async fn publish(&self, tasks: Vec<Task>) -> Result<Vec<Refusal>, Error> {
        let mut refused = Vec::new();
        let mut parcels = Vec::new();
        for Batch { route, tasks, .. } in batch::group(tasks, self.per_message) {
            match parcels_of(&route, tasks, false, &self.clock) {
                Ok(some) => parcels.extend(some),
                Err(some) => refused.extend(some),
            }
        }
        if parcels.is_empty() {
            return Ok(refused);
        }
        for (tasks, fate) in self.publisher.publish(parcels).await? {
            if let (Fate::Nowhere, Some(first)) = (fate, tasks.first()) {
                self.routes.note(&Route::of(first), false);
            }
            refused.extend(tasks.iter().filter_map(|task| self.refusal(task, fate)));
        }
        Ok(refused)
    }

    /// Publishes the rest of a message that was delivered before. `false` if it was not accepted.
    pub(super) async fn again(&self, route: &Route, tasks: Vec<Task>) -> Result<bool, Error> {
        let Ok(parcels) = parcels_of(route, tasks, true, &self.clock) else {
            return Ok(false);
        };
        let sent = self.publisher.publish(parcels).await?;
        Ok(sent.iter().all(|(_, fate)| *fate == Fate::Kept))
    }

    fn refusal(&self, task: &Task, fate: Fate) -> Option<Refusal> {
        let (zone, kind) = (&task.target.zone, &task.target.kind);
        match fate {
            Fate::Kept => None,
            Fate::Nowhere => Some(unserved(task)),
            Fate::Full => Some(Refusal {
                key: task.key(),
                reason: format!(
                    "the queue of the kind {kind} in the zone {zone} is full: the broker keeps \
                     {} messages of control tasks there, unless it was given another limit",
                    self.limit
                ),
            }),
        }
    }
}

/// Returns the error that no environment has ever consumed from the queue.
pub(super) fn unserved(task: &Task) -> Refusal {
    let (zone, kind) = (&task.target.zone, &task.target.kind);
    Refusal {
        key: task.key(),
        reason: format!("no environment of zone {zone} serves kind {kind}"),
    }
}

fn parcels_of(
    route: &Route,
    tasks: Vec<Task>,
    again: bool,
    clock: &Clock,
) -> Result<Vec<Parcel>, Vec<Refusal>> {
    let keys: Vec<_> = tasks.iter().map(Task::key).collect();
    let refuse = |reason: &str| {
        let refuse = |&key| Refusal {
            key,
            reason: reason.to_owned(),
        };
        keys.iter().map(refuse).collect::<Vec<_>>()
    };
    let Some(key) = route.key(Class::Control) else {
        let reason = "the names of its zone and kind are too long together for the broker";
        return Err(refuse(reason));
    };
    let messages = batch::messages(tasks, clock).map_err(|error| refuse(&error.to_string()))?;
    let parcel = |message| Parcel {
        key: key.clone(),
        message,
        worth: None,
        again,
    };
    Ok(messages.into_iter().map(parcel).collect())
}
