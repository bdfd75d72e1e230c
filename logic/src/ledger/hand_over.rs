//! The handover of control tasks to the inter connect: for each zone and kind one publish after the
//! other, so that the order of a target's tasks stays; and all zones and kinds in parallel, so that
//! a stuck queue delays no other.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use futures::{StreamExt, stream::FuturesUnordered};
use indexmap::IndexMap;
use tokio::sync::mpsc;
use utakata_interconnect::{Error, Refusal, Tasks};
use utakata_model::{Kind, Task, TaskKey, Zone};

/// The number of batches that are taken at once.
const AT_ONCE: usize = 1024;
/// The largest number of tasks of a zone and kind that wait; further ones are left out, and come
/// again.
const MAX_WAITING: usize = 16_384;

type Route = (Zone, Kind);

/// Tasks that wait behind a publish under way, each attempt once however often it is published
/// again. No entry means that none is under way.
#[derive(Default)]
struct Waiting(HashMap<Route, IndexMap<TaskKey, Task>>);

/// Hands over tasks until none arrive any more and all of them are handed over.
pub(super) async fn tasks(mut queue: mpsc::Receiver<Vec<Task>>, to: Arc<dyn Tasks>) {
    let mut waiting = Waiting::default();
    let mut under_way = FuturesUnordered::new();
    let mut batches = Vec::new();
    let mut is_open = true;
    while is_open || !under_way.is_empty() {
        tokio::select! {
            taken = queue.recv_many(&mut batches, AT_ONCE), if is_open => {
                is_open = taken > 0;
                let new = waiting.take_in(batches.drain(..).flatten());
                under_way.extend(new.into_iter().map(|(route, tasks)| publish(&to, route, tasks)));
            }
            Some(route) = under_way.next() => {
                if let Some(tasks) = waiting.next(&route) {
                    under_way.push(publish(&to, route, tasks));
                }
            }
        }
    }
}

impl Waiting {
    /// Takes tasks, and returns those that nothing holds up, each route's in order.
    fn take_in(&mut self, tasks: impl Iterator<Item = Task>) -> Vec<(Route, Vec<Task>)> {
        let mut by_route: HashMap<Route, Vec<Task>> = HashMap::new();
        for task in tasks {
            let route = (task.target.zone.clone(), task.target.kind.clone());
            by_route.entry(route).or_default().push(task);
        }
        let mut free = Vec::new();
        for (route, tasks) in by_route {
            match self.0.entry(route) {
                Entry::Vacant(place) => {
                    free.push((place.key().clone(), tasks));
                    place.insert(IndexMap::new());
                }
                Entry::Occupied(mut place) if place.get().len() < MAX_WAITING => {
                    place
                        .get_mut()
                        .extend(tasks.into_iter().map(|task| (task.key(), task)));
                }
                Entry::Occupied(place) => {
                    let (zone, kind) = place.key();
                    tracing::warn!(
                        %zone, %kind, tasks = tasks.len(),
                        "control tasks were left out, because their queue does not take them fast \
                         enough; they will be published again"
                    );
                }
            }
        }
        free
    }

    /// Returns the tasks that waited behind a publish that has ended.
    fn next(&mut self, route: &Route) -> Option<Vec<Task>> {
        let waiting = self.0.get_mut(route).map(std::mem::take)?;
        if waiting.is_empty() {
            self.0.remove(route);
            return None;
        }
        Some(waiting.into_values().collect())
    }
}

/// Publishes tasks of one zone and kind. The ledger publishes again what is not accepted.
async fn publish(to: &Arc<dyn Tasks>, route: Route, tasks: Vec<Task>) -> Route {
    told(&route, to.publish(tasks).await);
    route
}

fn told((zone, kind): &Route, published: Result<Vec<Refusal>, Error>) {
    match published {
        Ok(refusals) => {
            for refusal in refusals {
                let (task, reason) = (refusal.key, refusal.reason);
                tracing::warn!(%task, reason, "a control task was not taken; it is published again");
            }
        }
        Err(error) => {
            tracing::warn!(
                %zone, %kind, %error,
                "control tasks were not handed over; they are published again"
            );
        }
    }
}

#[cfg(test)]
mod tests;
