//! Control tasks on their way to the broker: each is kept by it, or returns with the reason.

use std::sync::Arc;

use utakata_interconnect::{Error, Refusal, signatures};
use utakata_model::{Class, Task};

use super::{
    Config,
    batch::{self, Batch, EncodedBatch},
    foreign::Original,
    link::Link,
    publisher::{Fate, Parcel, Publisher},
    routes::Routes,
    topology::Route,
};

#[derive(Debug)]
pub(super) struct Control {
    publisher: Publisher,
    link: Arc<Link>,
    routes: Arc<Routes>,
    limit: u32,
    per_message: usize,
}

impl Control {
    pub(super) fn new(link: Arc<Link>, routes: Arc<Routes>, config: &Config) -> Self {
        let (in_flight, within) = (config.in_flight, config.confirm_timeout);
        Self {
            publisher: Publisher::new(Arc::clone(&link), Class::Control, in_flight, within),
            link,
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
            match parcels_of(&route, tasks, &self.link) {
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

    /// Publishes the rest of a message that was delivered before: its bytes, which only the logic
    /// environment can sign, and what is left of it. `false` if it was not accepted.
    pub(super) async fn again(
        &self,
        route: &Route,
        original: &Original,
        tasks: Vec<Task>,
    ) -> Result<bool, Error> {
        let Some(key) = route.key(Class::Control) else {
            return Ok(false);
        };
        let parcel = Parcel {
            key,
            left: Some(original.positions(&tasks)),
            message: EncodedBatch {
                payload: original.payload.clone(),
                tasks,
            },
            worth: None,
        };
        let sent = self.publisher.publish(vec![parcel]).await?;
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

fn parcels_of(route: &Route, tasks: Vec<Task>, link: &Link) -> Result<Vec<Parcel>, Vec<Refusal>> {
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
    let messages = batch::messages(tasks, link.clock());
    let messages = messages.map_err(|error| refuse(&error.to_string()))?;
    let place = signatures::control(&route.zone, &route.kind);
    let parcel = |mut message: EncodedBatch| {
        if let Some(signatures) = link.signatures() {
            message.payload = signatures.sign(&place, message.payload);
        }
        Parcel {
            key: key.clone(),
            message,
            worth: None,
            left: None,
        }
    };
    Ok(messages.into_iter().map(parcel).collect())
}
