//! The controllers of a cluster: they place pods, collect garbage, and look after nodes.

mod collector;
mod nodes;
mod scheduler;

use tokio::task::JoinSet;

use crate::world::Shared;

pub use nodes::{heal, lose, object as node_object};

/// Runs until the cluster ends.
pub async fn run(world: Shared) {
    let mut all = JoinSet::new();
    all.spawn(scheduler::run(world.clone()));
    all.spawn(collector::run(world.clone()));
    all.spawn(nodes::run(world));
    while all.join_next().await.is_some() {}
}
