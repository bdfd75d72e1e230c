//! Deletion: at once, or with a grace period, or when the last finalizer is gone.

use serde_json::{Value, json};

use crate::moment;
use crate::pods;
use crate::refusal::Refusal;
use crate::request::Call;
use crate::select::Selector;
use crate::store::{Key, Object, Store};
use crate::world::World;

/// Deletes one object; answers with it, or with a `Status`.
pub fn delete(world: &World, call: &Call, options: &Value) -> Result<Value, Refusal> {
    let mut store = world.store();
    let found = super::get(call, &store)?;
    meets(call, &found, options)?;
    let name = call.name.as_deref().unwrap_or_default();
    let key = Key::new(call.resource, &call.namespace, name);
    if !call.query.get("dryRun").is_empty() {
        return Ok((*found).clone());
    }
    let policy = options["propagationPolicy"].as_str();
    let policy = policy.unwrap_or_else(|| call.query.get("propagationPolicy"));
    if policy == "Orphan" {
        orphan(&mut store, &found);
    }
    if call.resource.plural == "pods" {
        let grace = options["gracePeriodSeconds"].as_i64();
        let grace = grace.or_else(|| call.query.number("gracePeriodSeconds"));
        if grace.is_some_and(|grace| grace < 0) {
            return Err(Refusal::bad("gracePeriodSeconds must not be negative"));
        }
        return Ok((*delete_pod(&mut store, &key, &found, grace)).clone());
    }
    let has_finalizers = found["metadata"]["finalizers"]
        .as_array()
        .is_some_and(|list| !list.is_empty());
    if has_finalizers || call.resource.plural == "namespaces" {
        let mut object = (*found).clone();
        if object["metadata"]["deletionTimestamp"].is_null() {
            object["metadata"]["deletionTimestamp"] = json!(moment::now());
            object["metadata"]["deletionGracePeriodSeconds"] = json!(0);
        }
        if call.resource.plural == "namespaces" {
            object["status"]["phase"] = json!("Terminating");
        }
        return Ok((*store.put(key, object)).clone());
    }
    store.remove(&key);
    Ok(json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
        "details": {
            "name": name, "group": call.resource.group, "kind": call.resource.plural,
            "uid": found["metadata"]["uid"],
        },
    }))
}

/// Deletes all that a selector matches.
pub fn delete_all(world: &World, call: &Call, options: &Value) -> Result<Value, Refusal> {
    let list = super::list(call, &world.store())?;
    let query = &call.query;
    Selector::parse(
        call.resource,
        query.get("labelSelector"),
        query.get("fieldSelector"),
    )?;
    for item in list["items"].as_array().into_iter().flatten() {
        let mut one = call.clone();
        one.namespace = item["metadata"]["namespace"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        one.name = item["metadata"]["name"].as_str().map(str::to_owned);
        match delete(world, &one, options) {
            Err(refusal) if refusal.code != 404 => return Err(refusal),
            _ => {}
        }
    }
    Ok(list)
}

/// Marks a pod for its kubelet, or takes it out where there is none that could end it.
pub fn delete_pod(store: &mut Store, key: &Key, found: &Object, grace: Option<i64>) -> Object {
    let spec = &found["spec"];
    let grace = grace
        .or_else(|| spec["terminationGracePeriodSeconds"].as_i64())
        .unwrap_or(30);
    let is_placed = spec["nodeName"]
        .as_str()
        .is_some_and(|node| !node.is_empty());
    let mut pod = (**found).clone();
    let meta = &mut pod["metadata"];
    if grace == 0 || !is_placed || pods::is_over(found) {
        return store.remove(key).unwrap_or_else(|| found.clone());
    }
    let earlier = meta["deletionGracePeriodSeconds"].as_i64();
    // A second deletion can only shorten the first.
    if earlier.is_none_or(|earlier| grace < earlier) {
        meta["deletionTimestamp"] = json!(moment::in_seconds(grace));
        meta["deletionGracePeriodSeconds"] = json!(grace);
        let generation = meta["generation"].as_i64().unwrap_or_default();
        meta["generation"] = json!(generation + 1);
    }
    store.put(key.clone(), pod)
}

/// The preconditions of a deletion.
fn meets(call: &Call, found: &Value, options: &Value) -> Result<(), Refusal> {
    let name = call.name.as_deref().unwrap_or_default();
    for (field, told) in [("uid", "UID"), ("resourceVersion", "ResourceVersion")] {
        let wanted = &options["preconditions"][field];
        let is = &found["metadata"][field];
        if !wanted.is_null() && wanted != is {
            let (wanted, is) = (
                wanted.as_str().unwrap_or_default(),
                is.as_str().unwrap_or_default(),
            );
            let why = format!(
                "Precondition failed: {told} in precondition: {wanted}, {told} in object meta: {is}"
            );
            return Err(Refusal::conflict(call.resource, name, &why));
        }
    }
    Ok(())
}

/// Removes an owner from the objects it owns.
fn orphan(store: &mut Store, owner: &Value) {
    let uid = &owner["metadata"]["uid"];
    let owned: Vec<(Key, Object)> = store
        .all()
        .filter(|(_, object)| owners(object).any(|one| one["uid"] == *uid))
        .map(|(key, object)| (key.clone(), object.clone()))
        .collect();
    for (key, object) in owned {
        let mut object = (*object).clone();
        if let Some(list) = object["metadata"]["ownerReferences"].as_array_mut() {
            list.retain(|one| one["uid"] != *uid);
        }
        store.put(key, object);
    }
}

pub fn owners(object: &Value) -> impl Iterator<Item = &Value> {
    object["metadata"]["ownerReferences"]
        .as_array()
        .into_iter()
        .flatten()
}
