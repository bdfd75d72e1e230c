//! The kubelet of a node: its pods are processes of this machine.

mod container;
mod field;
mod life;
mod logs;
mod status;
mod volumes;

use std::collections::HashMap;

use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::pods;
use crate::world::Shared;
use life::Life;

pub use logs::log;

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
        if !*frozen.borrow() {
            resize(&world, &node);
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

/// Pods whose limits were changed have them.
fn resize(world: &Shared, node: &str) {
    let sizes = |containers: &Value| {
        let all = containers.as_array().into_iter().flatten();
        all.map(|one| one["resources"].clone()).collect::<Vec<_>>()
    };
    let resized: Vec<_> = {
        let store = world.store();
        let of_node = store.list("pods", "").filter(|(_, pod)| {
            pod["spec"]["nodeName"] == node
                && pod["status"]["phase"] == "Running"
                && sizes(&pod["status"]["containerStatuses"]) != sizes(&pod["spec"]["containers"])
        });
        of_node
            .map(|(key, pod)| (key.clone(), pod.clone()))
            .collect()
    };
    for (key, pod) in resized {
        let uid = pod["metadata"]["uid"].as_str().unwrap_or_default();
        world.change(&key, uid, |pod| {
            let sizes = sizes(&pod["spec"]["containers"]);
            let statuses = pod["status"]["containerStatuses"].as_array_mut();
            for (status, size) in statuses.into_iter().flatten().zip(sizes) {
                status["resources"] = size;
            }
        });
    }
}
