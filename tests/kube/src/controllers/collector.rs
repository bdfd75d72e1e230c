//! The garbage collector, and the end of namespaces.

use std::collections::BTreeSet;

use serde_json::Value;
use tokio::time::sleep;

use crate::resource;
use crate::store::{Key, Object, Store};
use crate::verbs::delete_pod;
use crate::world::Shared;

pub async fn run(world: Shared) {
    let mut changed = world.changed();
    loop {
        changed.mark_unchanged();
        if !doomed(&world.store()).is_empty() {
            sleep(world.timing.collect).await;
            // Looked at again: an owner may have come.
            let found = doomed(&world.store());
            for (key, object, why) in found {
                if let Some(message) = why {
                    let what = ("Warning", "OwnerRefInvalidNamespace");
                    world.event(&object, "garbage-collector-controller", what, &message);
                }
                end(&world, &key, &object);
            }
        }
        if changed.changed().await.is_err() {
            return;
        }
    }
}

type Doomed = (Key, Object, Option<String>);

/// Returns the objects to delete: those without an owner, and those in a namespace that is ending.
fn doomed(store: &Store) -> Vec<Doomed> {
    let uids: BTreeSet<&str> = store
        .all()
        .filter_map(|(_, object)| object["metadata"]["uid"].as_str())
        .collect();
    let ending: BTreeSet<&str> = store
        .list("namespaces", "")
        .filter(|(_, one)| !one["metadata"]["deletionTimestamp"].is_null())
        .map(|(key, _)| key.name.as_str())
        .collect();
    let mut found: Vec<Doomed> = Vec::new();
    for (key, object) in store.all() {
        let is_leaving = !object["metadata"]["deletionTimestamp"].is_null();
        if ending.contains(key.namespace.as_str()) && !is_leaving {
            found.push((key.clone(), object.clone(), None));
        } else if !is_leaving && let Some(why) = is_orphan(store, key, object, &uids) {
            found.push((key.clone(), object.clone(), why));
        }
    }
    let is_empty = |name: &str| !store.all().any(|(key, _)| key.namespace == name);
    for name in ending.iter().filter(|name| is_empty(name)) {
        let key = Key::new(resource::named("namespaces"), "", name);
        if let Some(object) = store.get(&key) {
            found.push((key, object, None));
        }
    }
    found
}

/// It has owners, and none of them is there; with a warning if one is in another namespace.
#[allow(
    clippy::option_option,
    reason = "whether it is one, and what there is to say about it"
)]
fn is_orphan(
    store: &Store,
    key: &Key,
    object: &Value,
    uids: &BTreeSet<&str>,
) -> Option<Option<String>> {
    let owners = object["metadata"]["ownerReferences"].as_array()?;
    let mut warning = None;
    for owner in owners {
        let kind = owner["kind"].as_str().unwrap_or_default();
        let api_version = owner["apiVersion"].as_str().unwrap_or_default();
        let uid = owner["uid"].as_str().unwrap_or_default();
        // What we do not serve, we cannot miss.
        let resource = resource::of_kind(api_version, kind)?;
        let namespace = if resource.is_namespaced {
            key.namespace.as_str()
        } else {
            ""
        };
        let name = owner["name"].as_str().unwrap_or_default();
        let found = store.get(&Key::new(resource, namespace, name));
        if found.is_some_and(|found| found["metadata"]["uid"] == uid) {
            return None;
        }
        if uids.contains(uid) {
            warning = Some(format!(
                "ownerRef [{api_version}/{kind}, namespace: {namespace}, name: {name}, uid: \
                 {uid}] does not exist in namespace \"{namespace}\""
            ));
        }
    }
    (!owners.is_empty()).then_some(warning)
}

fn end(world: &Shared, key: &Key, object: &Object) {
    let mut store = world.store();
    let Some(found) = store.get(key) else {
        return;
    };
    let is_same = found["metadata"]["uid"] == object["metadata"]["uid"];
    match (is_same, key.plural) {
        (false, _) => {}
        (true, "pods") => drop(delete_pod(&mut store, key, &found, None)),
        (true, _) => drop(store.remove(key)),
    }
}
