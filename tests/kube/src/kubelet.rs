//! The kubelet of a node: its pods are processes of this machine.

mod container;
mod life;
mod logs;
mod processes;
mod status;
mod volumes;

use std::collections::HashMap;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::pods;
use crate::world::Shared;
use life::Life;

pub use logs::log;
pub use processes::{Processes, Verdict};

/// Runs the pods of a node, as long as there are any and the cluster lives.
pub async fn run(world: Shared, node: String, frozen: watch::Receiver<bool>) {
    let mut changed = world.changed();
    let mut lives: JoinSet<String> = JoinSet::new();
    let mut known: HashMap<String, ()> = HashMap::new();
    loop {
        let found: Vec<Life> = {
            let store = world.store();
            let of_node = store
                .list("pods", "")
                .filter(|(_, pod)| pod["spec"]["nodeName"] == node.as_str() && !pods::is_over(pod));
            let new = of_node.filter_map(|(key, pod)| {
                let uid = pod["metadata"]["uid"].as_str()?.to_owned();
                known
                    .insert(uid.clone(), ())
                    .is_none()
                    .then(|| Life::new(world.clone(), key.clone(), uid, frozen.clone()))
            });
            new.collect()
        };
        for life in found {
            lives.spawn(life.run());
        }
        tokio::select! {
            changed = changed.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            Some(ended) = lives.join_next() => {
                if let Ok(uid) = ended {
                    known.remove(&uid);
                }
            }
        }
    }
}
