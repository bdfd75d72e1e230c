//! The effects of requests on objects: create, get, list, update, patch, delete.

mod delete;
mod evict;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::admission;
use crate::moment;
use crate::patch;
use crate::pods;
use crate::refusal::Refusal;
use crate::request::Call;
use crate::resource::{self, Resource};
use crate::select::Selector;
use crate::store::{Key, Object, Store};
use crate::validate;
use crate::world::World;

pub use delete::{delete, delete_all, delete_pod};
pub use evict::evict;

/// The characters that make names unique, as in a real API server: no vowels, nothing ambiguous.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

pub fn get(call: &Call, store: &Store) -> Result<Object, Refusal> {
    let name = call.name.as_deref().unwrap_or_default();
    let found = store.get(&Key::new(call.resource, &call.namespace, name));
    found.ok_or_else(|| Refusal::not_found(call.resource, name))
}

/// A list, or a page of one.
pub fn list(call: &Call, store: &Store) -> Result<Value, Refusal> {
    let query = &call.query;
    let selector = Selector::parse(
        call.resource,
        query.get("labelSelector"),
        query.get("fieldSelector"),
    )?;
    let mut version = store.version();
    let mut after = None;
    if let Some((of, last)) = query.get("continue").split_once(':') {
        version = of
            .parse()
            .map_err(|_| Refusal::bad("continue key is not valid"))?;
        if version < store.oldest() {
            let message = "The provided continue parameter is too old to display a consistent \
                list result. You can start a new list without the continue parameter.";
            return Err(Refusal::new(410, "Expired", message));
        }
        after = Some(last);
    }
    let limit = query.number("limit").filter(|limit| *limit > 0);
    let limit = limit
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(usize::MAX);
    let place = |key: &Key| format!("{}/{}", key.namespace, key.name);
    let mut all = store
        .list(call.resource.plural, &call.namespace)
        .filter(|(key, _)| after.is_none_or(|after| *place(key) > *after))
        .filter(|(_, object)| selector.matches(object));
    let mut items = Vec::new();
    let mut last = None;
    for (key, object) in all.by_ref().take(limit) {
        last = Some(place(key));
        items.push((**object).clone());
    }
    let left = all.count();
    let mut metadata = json!({"resourceVersion": version.to_string()});
    if let (1.., Some(last)) = (left, last) {
        metadata["continue"] = json!(format!("{version}:{last}"));
        metadata["remainingItemCount"] = json!(left);
    }
    Ok(json!({
        "kind": format!("{}List", call.resource.kind),
        "apiVersion": call.resource.api_version(),
        "metadata": metadata,
        "items": items,
    }))
}

pub fn create(world: &World, call: &Call, body: Value) -> Result<Object, Refusal> {
    let resource = call.resource;
    let mut object = as_kind(resource, body)?;
    name_it(call, &mut object)?;
    let is_strict = call.query.get("fieldValidation") == "Strict";
    let mut object = validate::typed(resource, &object, is_strict)?;
    let meta = &mut object["metadata"];
    meta["uid"] = json!(Uuid::new_v4().to_string());
    meta["creationTimestamp"] = json!(moment::now());
    for gone in [
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "resourceVersion",
        "selfLink",
    ] {
        if let Some(meta) = meta.as_object_mut() {
            meta.remove(gone);
        }
    }
    let mut causes = validate::metadata(resource, &object);
    match resource.plural {
        "pods" => {
            pods::set_defaults(&mut object);
            causes.extend(pods::check(&object));
        }
        "namespaces" => object["status"] = json!({"phase": "Active"}),
        "secrets" => encode_texts(&mut object),
        "poddisruptionbudgets" | "networkpolicies" => object["metadata"]["generation"] = json!(1),
        _ => {}
    }
    let name = object["metadata"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let rules = world.rules.lock().clone();
    let mut store = world.store();
    in_namespace(call, &store)?;
    if !causes.is_empty() {
        return Err(Refusal::invalid(resource, &name, &causes));
    }
    admission::admit(call, &object, &store, &rules)?;
    let key = Key::new(resource, &call.namespace, &name);
    if store.get(&key).is_some() {
        return Err(Refusal::exists(resource, &name));
    }
    if !call.query.get("dryRun").is_empty() {
        return Ok(object.into());
    }
    let made = store.put(key, object);
    drop(store);
    if resource.plural == "namespaces" {
        furnish(world, &name)?;
    }
    Ok(made)
}

/// Creates the objects that a real cluster puts into each namespace.
pub fn furnish(world: &World, namespace: &str) -> Result<(), Refusal> {
    world.make(
        "serviceaccounts",
        namespace,
        json!({"metadata": {"name": "default"}}),
    )?;
    let authority = json!({
        "metadata": {"name": "kube-root-ca.crt"},
        "data": {"ca.crt": world.authority.pem},
    });
    world.make("configmaps", namespace, authority)
}

/// Replaces an object, or its status.
pub fn update(world: &World, call: &Call, body: Value) -> Result<Object, Refusal> {
    let body = as_kind(call.resource, body)?;
    let is_strict = call.query.get("fieldValidation") == "Strict";
    let body = validate::typed(call.resource, &body, is_strict)?;
    let mut store = world.store();
    let name = call.name.as_deref().unwrap_or_default();
    let found = store.get(&Key::new(call.resource, &call.namespace, name));
    let Some(before) = found else {
        // Leases are made by an update, too.
        let is_made = call.resource.plural == "leases" && version_of(&body).is_none();
        drop(store);
        if is_made {
            return create(world, call, body);
        }
        return Err(Refusal::not_found(call.resource, name));
    };
    let result = replace(&mut store, call, &before, body);
    drop(store);
    result
}

/// Changes an object, or its status, by a patch.
pub fn patch(world: &World, call: &Call, kind: &str, body: &Value) -> Result<Object, Refusal> {
    let name = call.name.as_deref().unwrap_or_default();
    let mut store = world.store();
    let Some(before) = store.get(&Key::new(call.resource, &call.namespace, name)) else {
        drop(store);
        if kind != "application/apply-patch+yaml" {
            return Err(Refusal::not_found(call.resource, name));
        }
        let mut body = body.clone();
        body["metadata"]["name"] = json!(name);
        return create(world, call, body);
    };
    let mut after = (*before).clone();
    patch::apply(kind, &mut after, body)?;
    let is_strict = call.query.get("fieldValidation") == "Strict";
    let after = validate::typed(call.resource, &after, is_strict)?;
    replace(&mut store, call, &before, after)
}

fn replace(
    store: &mut Store,
    call: &Call,
    before: &Object,
    mut after: Value,
) -> Result<Object, Refusal> {
    let resource = call.resource;
    let name = call.name.as_deref().unwrap_or_default();
    let is_other =
        version_of(&after).is_some_and(|version| version != before["metadata"]["resourceVersion"]);
    if is_other {
        let why = "the object has been modified; please apply your changes to the latest version \
            and try again";
        return Err(Refusal::conflict(resource, name, why));
    }
    let uid = &after["metadata"]["uid"];
    if !uid.is_null() && *uid != before["metadata"]["uid"] {
        let why = format!(
            "Precondition failed: UID in precondition: {}, UID in object meta: {}",
            uid.as_str().unwrap_or_default(),
            before["metadata"]["uid"].as_str().unwrap_or_default()
        );
        return Err(Refusal::conflict(resource, name, &why));
    }
    after = keep(call, before, after);
    let mut causes = validate::metadata(resource, &after);
    let is_plain = call.subresource.is_none();
    if resource.plural == "pods" && is_plain {
        causes.extend(pods::check_change(&before["spec"], &after["spec"]));
    }
    if !causes.is_empty() {
        return Err(Refusal::invalid(resource, name, &causes));
    }
    if before["spec"] != after["spec"] && !before["metadata"]["generation"].is_null() {
        let generation = before["metadata"]["generation"]
            .as_i64()
            .unwrap_or_default();
        after["metadata"]["generation"] = json!(generation + 1);
    }
    let key = Key::new(resource, &call.namespace, name);
    if !call.query.get("dryRun").is_empty() {
        return Ok(after.into());
    }
    let meta = &after["metadata"];
    let has_finalizers = meta["finalizers"]
        .as_array()
        .is_some_and(|list| !list.is_empty());
    let is_waiting = !meta["deletionTimestamp"].is_null() && resource.plural != "pods";
    let stored = store.put(key.clone(), after);
    if is_waiting && !has_finalizers && resource.plural != "namespaces" {
        store.remove(&key);
    }
    Ok(stored)
}

/// Restores the fields that an update of this kind does not change.
fn keep(call: &Call, before: &Value, mut after: Value) -> Value {
    let fixed = [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "name",
        "namespace",
    ];
    match call.subresource.as_deref() {
        Some("status") => {
            let mut kept = before.clone();
            kept["status"] = after["status"].take();
            kept
        }
        Some("resize") => {
            let mut kept = before.clone();
            let sizes = after["spec"]["containers"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let containers = kept["spec"]["containers"].as_array_mut();
            for (container, size) in containers.into_iter().flatten().zip(sizes) {
                container["resources"] = size["resources"].clone();
            }
            kept
        }
        _ => {
            for name in fixed {
                after["metadata"][name] = before["metadata"][name].clone();
            }
            if let Some(meta) = after["metadata"].as_object_mut() {
                meta.retain(|_, value| !value.is_null());
            }
            if !before["status"].is_null() && has_status(call.resource) {
                after["status"] = before["status"].clone();
            }
            after
        }
    }
}

fn has_status(resource: &Resource) -> bool {
    let without = [
        "leases",
        "networkpolicies",
        "secrets",
        "configmaps",
        "events",
        "serviceaccounts",
    ];
    !without.contains(&resource.plural)
}

fn version_of(object: &Value) -> Option<&str> {
    object["metadata"]["resourceVersion"]
        .as_str()
        .filter(|version| !version.is_empty())
}

/// The body is of this kind; one that does not say is.
fn as_kind(resource: &Resource, mut body: Value) -> Result<Value, Refusal> {
    if !body.is_object() {
        return Err(Refusal::bad(
            "the object provided is unrecognized (must be of type Object)",
        ));
    }
    let api_version = resource.api_version();
    for (field, expect) in [
        ("kind", resource.kind),
        ("apiVersion", api_version.as_str()),
    ] {
        let found = body[field].as_str().unwrap_or_default().to_owned();
        if found.is_empty() {
            body[field] = json!(expect);
        } else if found != expect {
            return Err(Refusal::bad(format!(
                "the {field} in the data ({found}) does not match the expected {field} ({expect})"
            )));
        }
    }
    if !body["metadata"].is_object() {
        body["metadata"] = json!({});
    }
    Ok(body)
}

fn name_it(call: &Call, object: &mut Value) -> Result<(), Refusal> {
    let meta = &mut object["metadata"];
    if !call.namespace.is_empty() {
        let said = meta["namespace"].as_str().unwrap_or_default();
        if !said.is_empty() && said != call.namespace {
            let message = "the namespace of the provided object does not match the namespace \
                sent on the request";
            return Err(Refusal::bad(message));
        }
        meta["namespace"] = json!(call.namespace);
    } else if call.resource.is_namespaced {
        return Err(Refusal::not_allowed());
    }
    if !meta["name"].as_str().unwrap_or_default().is_empty() {
        return Ok(());
    }
    let prefix = meta["generateName"].as_str().unwrap_or_default().to_owned();
    if prefix.is_empty() {
        let causes = [(
            "metadata.name".to_owned(),
            "Required value: name or generateName is required".to_owned(),
        )];
        return Err(Refusal::invalid(call.resource, "", &causes));
    }
    let random = Uuid::new_v4();
    let letters = random
        .as_bytes()
        .iter()
        .take(5)
        .map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
    meta["name"] = json!(format!("{prefix}{}", letters.collect::<String>()));
    Ok(())
}

fn in_namespace(call: &Call, store: &Store) -> Result<(), Refusal> {
    if call.namespace.is_empty() {
        return Ok(());
    }
    let namespaces = resource::named("namespaces");
    let Some(found) = store.get(&Key::new(namespaces, "", &call.namespace)) else {
        return Err(Refusal::not_found(namespaces, &call.namespace));
    };
    if found["metadata"]["deletionTimestamp"].is_null() {
        return Ok(());
    }
    let namespace = &call.namespace;
    let why = format!(
        "unable to create new content in namespace {namespace} because it is being terminated"
    );
    Err(Refusal::forbidden(call.resource, "", &why))
}

/// `stringData` of a secret becomes `data`.
fn encode_texts(secret: &mut Value) {
    use base64::Engine as _;
    let texts = secret["stringData"].take();
    for (name, text) in texts.as_object().into_iter().flatten() {
        let text = text.as_str().unwrap_or_default();
        secret["data"][name] = json!(base64::engine::general_purpose::STANDARD.encode(text));
    }
    if let Some(secret) = secret.as_object_mut() {
        secret.remove("stringData");
        secret.entry("type").or_insert(json!("Opaque"));
    }
}
