//! Nodes: those that do not answer are tainted, and their pods told to go.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::scheduler::tolerates;
use crate::moment;
use crate::pods;
use crate::resource;
use crate::store::{Key, Object};
use crate::verbs::delete_pod;
use crate::world::{Shared, World};

const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

/// Ends the pods of nodes that are gone or out of service.
pub async fn run(world: Shared) {
    let mut changed = world.changed();
    loop {
        changed.mark_unchanged();
        let lost = without_node(&world);
        if !lost.is_empty() {
            sleep(world.timing.collect).await;
            for (key, pod) in without_node(&world) {
                let uid = pod["metadata"]["uid"].as_str().unwrap_or_default();
                let why = ("DeletionByPodGC", "PodGC: node no longer exists");
                world.change(&key, uid, |pod| {
                    pods::set_condition(pod, "DisruptionTarget", "True", Some(why));
                    pod["status"]["phase"] = json!("Failed");
                });
                world.remove(&key, uid);
            }
        }
        if changed.changed().await.is_err() {
            return;
        }
    }
}

fn without_node(world: &World) -> Vec<(Key, Object)> {
    let store = world.store();
    let is_out = |node: &Value| {
        let mut taints = node["spec"]["taints"].as_array().into_iter().flatten();
        taints.any(|taint| taint["key"] == OUT_OF_SERVICE)
    };
    let has_none = |pod: &Value| {
        let Some(name) = pod["spec"]["nodeName"]
            .as_str()
            .filter(|name| !name.is_empty())
        else {
            return false;
        };
        let node = store.get(&Key::new(resource::named("nodes"), "", name));
        let is_leaving = !pod["metadata"]["deletionTimestamp"].is_null();
        node.is_none_or(|node| is_out(&node) && is_leaving)
    };
    let all = store.list("pods", "").filter(|(_, pod)| has_none(pod));
    all.map(|(key, pod)| (key.clone(), pod.clone())).collect()
}

/// A node that is well.
pub fn object(name: &str, max_pods: usize) -> Value {
    let now = moment::now();
    let capacity = json!({"cpu": "16", "memory": "64Gi", "pods": max_pods.to_string()});
    json!({
        "metadata": {"name": name, "labels": {
            "kubernetes.io/hostname": name, "kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
        }},
        "spec": {},
        "status": {
            "capacity": capacity, "allocatable": capacity,
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": name}],
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "KubeletReady",
                "message": "kubelet is posting ready status",
                "lastHeartbeatTime": now, "lastTransitionTime": now,
            }],
            "nodeInfo": {
                "kubeletVersion": "v1.36.2", "containerRuntimeVersion": "process://1",
                "osImage": "this machine", "operatingSystem": "linux", "architecture": "amd64",
                "machineID": "", "systemUUID": "", "bootID": "", "kernelVersion": "",
                "kubeProxyVersion": "",
            },
        },
    })
}

/// Handles a node whose kubelet is silent, for as long as it is.
pub async fn lose(world: Shared, node: String) {
    let timing = world.timing.clone();
    sleep(timing.node_unknown).await;
    if !is_frozen(&world, &node) {
        return;
    }
    let key = Key::new(resource::named("nodes"), "", &node);
    let uid = uid_of(&world, &key);
    world.change(&key, &uid, |node| {
        let why = ("NodeStatusUnknown", "Kubelet stopped posting node status.");
        pods::set_condition(node, "Ready", "Unknown", Some(why));
        let taint = |effect: &str| json!({"key": UNREACHABLE, "effect": effect, "timeAdded": moment::now()});
        node["spec"]["taints"] = json!([taint("NoSchedule"), taint("NoExecute")]);
    });
    let mut seconds_told = 0;
    let all = of_node(&world, &node);
    for (key, pod) in &all {
        world.change(
            key,
            pod["metadata"]["uid"].as_str().unwrap_or_default(),
            |pod| {
                pods::set_condition(pod, "Ready", "False", None);
            },
        );
    }
    // Each pod goes after its own toleration.
    let mut waits: Vec<(i64, Key, String)> = all.iter().filter_map(wait_of).collect();
    waits.sort();
    for (seconds, key, uid) in waits {
        let more = u32::try_from(seconds - seconds_told).unwrap_or_default();
        sleep(Duration::from_millis(1).max(timing.toleration_second * more)).await;
        seconds_told = seconds;
        if !is_frozen(&world, &node) {
            return;
        }
        evict(&world, &key, &uid);
    }
}

/// Handles a node whose kubelet is back.
pub fn heal(world: &World, node: &str) {
    let key = Key::new(resource::named("nodes"), "", node);
    let uid = uid_of(world, &key);
    world.change(&key, &uid, |node| {
        let why = ("KubeletReady", "kubelet is posting ready status");
        pods::set_condition(node, "Ready", "True", Some(why));
        if let Some(taints) = node["spec"]["taints"].as_array_mut() {
            taints.retain(|taint| taint["key"] != UNREACHABLE);
        }
    });
    for (key, pod) in of_node(world, node) {
        let runs = pod["status"]["phase"] == "Running";
        world.change(
            &key,
            pod["metadata"]["uid"].as_str().unwrap_or_default(),
            |pod| {
                if runs {
                    pods::set_condition(pod, "Ready", "True", None);
                }
            },
        );
    }
}

fn wait_of((key, pod): &(Key, Object)) -> Option<(i64, Key, String)> {
    let taint = json!({"key": UNREACHABLE, "effect": "NoExecute"});
    let tolerations = pod["spec"]["tolerations"].as_array().into_iter().flatten();
    let fitting: Vec<&Value> = tolerations.filter(|one| tolerates(one, &taint)).collect();
    let seconds = match fitting.as_slice() {
        [] => 0,
        // One without an end is for ever.
        all => all
            .iter()
            .map(|one| one["tolerationSeconds"].as_i64())
            .min()??,
    };
    Some((
        seconds,
        key.clone(),
        pod["metadata"]["uid"].as_str()?.to_owned(),
    ))
}

fn evict(world: &World, key: &Key, uid: &str) {
    let why = (
        "DeletionByTaintManager",
        "Taint manager: deleting due to NoExecute taint",
    );
    let changed = world.change(key, uid, |pod| {
        if pod["metadata"]["deletionTimestamp"].is_null() {
            pods::set_condition(pod, "DisruptionTarget", "True", Some(why));
        }
    });
    if let Some(pod) = changed.filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()) {
        delete_pod(&mut world.store(), key, &pod, None);
    }
}

fn of_node(world: &World, node: &str) -> Vec<(Key, Object)> {
    let store = world.store();
    let all = store
        .list("pods", "")
        .filter(|(_, pod)| pod["spec"]["nodeName"] == node);
    all.map(|(key, pod)| (key.clone(), pod.clone())).collect()
}

fn is_frozen(world: &World, node: &str) -> bool {
    world
        .nodes
        .lock()
        .get(node)
        .is_some_and(|frozen| *frozen.borrow())
}

fn uid_of(world: &World, key: &Key) -> String {
    let found = world.store().get(key);
    let uid = found.and_then(|node| node["metadata"]["uid"].as_str().map(str::to_owned));
    uid.unwrap_or_default()
}
