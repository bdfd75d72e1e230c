//! The scheduler: a node for each pod, the one with the fewest.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::pods;
use crate::store::{Key, Object, Store};
use crate::world::Shared;

pub async fn run(world: Shared) {
    let mut changed = world.changed();
    loop {
        let waiting: Vec<(Key, Object)> = {
            let store = world.store();
            let all = store.list("pods", "");
            let new = all.filter(|(_, pod)| {
                pod["spec"]["nodeName"].as_str().is_none_or(str::is_empty)
                    && pod["metadata"]["deletionTimestamp"].is_null()
                    && !pods::is_over(pod)
            });
            new.map(|(key, pod)| (key.clone(), pod.clone())).collect()
        };
        if !waiting.is_empty() {
            sleep(world.timing.schedule).await;
        }
        for (key, pod) in waiting {
            place(&world, &key, &pod);
        }
        if changed.changed().await.is_err() {
            return;
        }
    }
}

fn place(world: &Shared, key: &Key, pod: &Object) {
    let uid = pod["metadata"]["uid"].as_str().unwrap_or_default();
    let chosen = choose(&world.store(), pod);
    match chosen {
        Ok(node) => {
            world.change(key, uid, |pod| {
                pod["spec"]["nodeName"] = json!(node);
                pods::set_condition(pod, "PodScheduled", "True", None);
            });
            let (namespace, name) = (&key.namespace, &key.name);
            let message = format!("Successfully assigned {namespace}/{name} to {node}");
            world.event(pod, "default-scheduler", ("Normal", "Scheduled"), &message);
        }
        Err(why) => {
            // Told once: a status that stays as it is, is no change.
            let is_told = pod["status"]["conditions"][0]["message"] == why.as_str();
            if is_told {
                return;
            }
            world.change(key, uid, |pod| {
                let reason = Some(("Unschedulable", why.as_str()));
                pods::set_condition(pod, "PodScheduled", "False", reason);
            });
            world.event(
                pod,
                "default-scheduler",
                ("Warning", "FailedScheduling"),
                &why,
            );
        }
    }
}

fn choose(store: &Store, pod: &Value) -> Result<String, String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let mut all = 0;
    for (key, node) in store.list("nodes", "") {
        all += 1;
        let on_it = store
            .list("pods", "")
            .filter(|(_, pod)| pod["spec"]["nodeName"] == key.name.as_str() && !pods::is_over(pod));
        let count = on_it.count();
        match obstacle(node, pod, count) {
            None => drop(counts.insert(key.name.clone(), count)),
            Some(why) => *reasons.entry(why).or_default() += 1,
        }
    }
    let least = counts.into_iter().min_by_key(|(_, count)| *count);
    least.map(|(name, _)| name).ok_or_else(|| {
        let told: Vec<String> = reasons
            .iter()
            .map(|(why, count)| format!("{count} {why}"))
            .collect();
        let told = if told.is_empty() {
            "no nodes available".into()
        } else {
            told.join(", ")
        };
        format!("0/{all} nodes are available: {told}.")
    })
}

/// Why a pod cannot run on a node.
fn obstacle(node: &Value, pod: &Value, count: usize) -> Option<String> {
    let most = node["status"]["allocatable"]["pods"]
        .as_str()
        .and_then(|most| most.parse().ok());
    if node["spec"]["unschedulable"] == true {
        return Some("node(s) were unschedulable".into());
    }
    if most.is_some_and(|most: usize| count >= most) {
        return Some("Too many pods".into());
    }
    let wanted = pod["spec"]["nodeSelector"]
        .as_object()
        .into_iter()
        .flatten();
    let mut wanted = wanted.filter(|(name, value)| node["metadata"]["labels"][*name] != **value);
    if wanted.next().is_some() {
        return Some("node(s) didn't match Pod's node affinity/selector".into());
    }
    let tolerations = pod["spec"]["tolerations"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let mut taints = node["spec"]["taints"].as_array().into_iter().flatten();
    let taint = taints.find(|taint| {
        taint["effect"] != "PreferNoSchedule"
            && !tolerations
                .iter()
                .any(|toleration| tolerates(toleration, taint))
    })?;
    Some(format!(
        "node(s) had untolerated taint(s) {}",
        taint["key"].as_str().unwrap_or_default()
    ))
}

/// Says if a toleration covers a taint.
pub fn tolerates(toleration: &Value, taint: &Value) -> bool {
    let key = &toleration["key"];
    let fits_key = key.is_null() || *key == "" || *key == taint["key"];
    let effect = &toleration["effect"];
    let fits_effect = effect.is_null() || *effect == "" || *effect == taint["effect"];
    let is_exists = toleration["operator"] == "Exists";
    let fits_value = is_exists
        || toleration["value"].as_str().unwrap_or_default()
            == taint["value"].as_str().unwrap_or_default();
    fits_key && fits_effect && fits_value
}
