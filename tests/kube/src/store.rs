//! Objects in memory, their versions, and what became of them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::resource::Resource;

/// The number of changes kept; watches from before them end with 410.
const HISTORY: usize = 20_000;

pub type Object = Arc<Value>;

/// The place of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub plural: &'static str,
    pub namespace: String,
    pub name: String,
}

impl Key {
    pub fn new(resource: &Resource, namespace: &str, name: &str) -> Self {
        Self {
            plural: resource.plural,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    pub fn pod(namespace: &str, name: &str) -> Self {
        Self {
            plural: "pods",
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

/// One change of one object. `after` is its last state when it is gone.
#[derive(Debug, Clone)]
pub struct Change {
    pub version: u64,
    pub key: Key,
    pub before: Option<Object>,
    pub after: Object,
    pub is_gone: bool,
}

/// All objects.
#[derive(Debug)]
pub struct Store {
    objects: BTreeMap<Key, Object>,
    version: u64,
    /// The version up to which nothing is known any more.
    oldest: u64,
    history: VecDeque<Change>,
    changed: watch::Sender<u64>,
}

impl Store {
    pub fn new() -> Self {
        Self {
            objects: BTreeMap::new(),
            version: 1,
            oldest: 1,
            history: VecDeque::new(),
            changed: watch::Sender::new(1),
        }
    }

    pub fn version(&self) -> u64 {
        self.version
    }

    pub fn oldest(&self) -> u64 {
        self.oldest
    }

    /// Wakes with every change.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub fn get(&self, key: &Key) -> Option<Object> {
        self.objects.get(key).cloned()
    }

    /// All of a resource, of one namespace or (empty) of all.
    pub fn list<'a>(
        &'a self,
        plural: &'static str,
        namespace: &'a str,
    ) -> impl Iterator<Item = (&'a Key, &'a Object)> {
        let all = self.objects.iter();
        all.filter(move |(key, _)| {
            key.plural == plural && (namespace.is_empty() || key.namespace == namespace)
        })
    }

    pub fn all(&self) -> impl Iterator<Item = (&Key, &Object)> {
        self.objects.iter()
    }

    /// Puts an object in its place, with a new version unless it is as it was.
    pub fn put(&mut self, key: Key, mut object: Value) -> Object {
        let before = self.objects.get(&key).cloned();
        if let Some(before) = &before {
            object["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"].clone();
            if object == **before {
                return before.clone();
            }
        }
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let object = Arc::new(object);
        self.objects.insert(key.clone(), object.clone());
        self.remember(key, before, object.clone(), false);
        object
    }

    /// Takes an object out.
    pub fn remove(&mut self, key: &Key) -> Option<Object> {
        let before = self.objects.remove(key)?;
        self.version += 1;
        let mut last = (*before).clone();
        last["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let last = Arc::new(last);
        self.remember(key.clone(), Some(before), last.clone(), true);
        Some(last)
    }

    /// Changes after a version; nothing when some of them are forgotten.
    pub fn since(&self, version: u64) -> Option<impl Iterator<Item = &Change>> {
        let first = self
            .history
            .partition_point(|change| change.version <= version);
        (version >= self.oldest).then(|| self.history.range(first..))
    }

    /// Forgets the past, as compaction does.
    pub fn forget(&mut self) {
        // A version in between, so that a watch from the last one is too old.
        self.version += 1;
        self.oldest = self.version;
        self.history.clear();
        self.changed.send_replace(self.version);
    }

    fn remember(&mut self, key: Key, before: Option<Object>, after: Object, is_gone: bool) {
        self.history.push_back(Change {
            version: self.version,
            key,
            before,
            after,
            is_gone,
        });
        while self.history.len() > HISTORY {
            if let Some(change) = self.history.pop_front() {
                self.oldest = change.version;
            }
        }
        self.changed.send_replace(self.version);
    }
}
