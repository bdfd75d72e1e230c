//! The state shared by all parts of the cluster.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;

use crate::admission::Rule;
use crate::authority::Authority;
use crate::fault::Faults;
use crate::moment;
use crate::processes::Processes;
use crate::refusal::Refusal;
use crate::registry::Registry;
use crate::resource;
use crate::store::{Key, Object, Store};
use crate::timing::Timing;
use crate::tokens::Tokens;

/// The cluster's state.
pub struct World {
    store: Mutex<Store>,
    pub tokens: Tokens,
    pub authority: Authority,
    /// The administrator's.
    pub token: String,
    /// `https://127.0.0.1:1234`.
    pub address: String,
    pub faults: Faults,
    pub registry: Registry,
    pub processes: Processes,
    pub rules: Mutex<Vec<Rule>>,
    pub timing: Timing,
    /// Volumes and logs of pods.
    pub state: PathBuf,
    /// Each node's name, and whether it is frozen.
    pub nodes: Mutex<BTreeMap<String, watch::Sender<bool>>>,
}

pub type Shared = Arc<World>;

impl World {
    pub fn new(address: String, state: PathBuf, timing: Timing) -> anyhow::Result<Self> {
        Ok(Self {
            store: Mutex::new(Store::new()),
            tokens: Tokens::new("https://kubernetes.default.svc.cluster.local".into())?,
            authority: Authority::new()?,
            token: Uuid::new_v4().simple().to_string(),
            address,
            faults: Faults::new(),
            registry: Registry::default(),
            processes: Processes::default(),
            rules: Mutex::default(),
            timing,
            state,
            nodes: Mutex::default(),
        })
    }

    /// All objects, for as long as no other part needs them.
    pub fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock()
    }

    pub fn changed(&self) -> watch::Receiver<u64> {
        self.store.lock().changed()
    }

    pub fn pod(&self, key: &Key, uid: &str) -> Option<Object> {
        let pod = self.store.lock().get(key)?;
        (pod["metadata"]["uid"] == uid).then_some(pod)
    }

    /// Changes an object that is there, and is the same one.
    pub fn change(&self, key: &Key, uid: &str, change: impl FnOnce(&mut Value)) -> Option<Object> {
        let mut store = self.store.lock();
        let found = store.get(key)?;
        if found["metadata"]["uid"] != uid {
            return None;
        }
        let mut object = (*found).clone();
        change(&mut object);
        Some(store.put(key.clone(), object))
    }

    /// Takes an object out that is the same one.
    pub fn remove(&self, key: &Key, uid: &str) -> Option<Object> {
        let mut store = self.store.lock();
        let found = store.get(key)?;
        if found["metadata"]["uid"] != uid {
            return None;
        }
        store.remove(key)
    }

    /// Writes an event about an object.
    pub fn event(&self, about: &Value, source: &str, what: (&str, &str), message: &str) {
        let (kind, reason) = what;
        let meta = &about["metadata"];
        let namespace = meta["namespace"].as_str().unwrap_or("default").to_owned();
        let name = meta["name"].as_str().unwrap_or_default();
        let id = Uuid::new_v4().simple().to_string();
        let name = format!("{name}.{}", &id[..16]);
        let now = moment::now();
        let event = json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {
                "name": name, "namespace": namespace, "uid": Uuid::new_v4().to_string(),
                "creationTimestamp": now,
            },
            "involvedObject": {
                "apiVersion": about["apiVersion"], "kind": about["kind"], "name": meta["name"],
                "namespace": meta["namespace"], "uid": meta["uid"],
            },
            "type": kind, "reason": reason, "message": message, "count": 1,
            "firstTimestamp": now, "lastTimestamp": now,
            "source": {"component": source}, "reportingComponent": source,
            "reportingInstance": "",
        });
        let key = Key::new(resource::named("events"), &namespace, &name);
        self.store.lock().put(key, event);
    }

    /// Makes an object of our own, as the controllers of a real cluster do.
    pub fn make(&self, plural: &str, namespace: &str, mut object: Value) -> Result<(), Refusal> {
        let resource = resource::named(plural);
        object["apiVersion"] = json!(resource.api_version());
        object["kind"] = json!(resource.kind);
        object["metadata"]["uid"] = json!(Uuid::new_v4().to_string());
        object["metadata"]["creationTimestamp"] = json!(moment::now());
        if !namespace.is_empty() {
            object["metadata"]["namespace"] = json!(namespace);
        }
        let name = object["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let key = Key::new(resource, namespace, &name);
        let mut store = self.store.lock();
        if store.get(&key).is_some() {
            return Err(Refusal::exists(resource, &name));
        }
        store.put(key, object);
        Ok(())
    }
}
