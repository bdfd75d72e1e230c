//! The nodes of a cluster, and their faults.

use anyhow::{Context, Result, anyhow};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{Cluster, add_node};
use crate::controllers;
use crate::request::{Call, Query};
use crate::resource;
use crate::store::Key;
use crate::verbs;

impl Cluster {
    /// Adds a node that takes at most `max_pods` pods.
    pub fn add_node(&self, name: &str, max_pods: usize) {
        if let Some(runtime) = &self.runtime {
            add_node(&self.world, runtime, name, max_pods);
        }
    }

    /// Freezes a node: its processes stop, its kubelet does nothing. After a while it is
    /// `Ready=Unknown` and its pods are to be deleted; they hang in Terminating.
    pub fn freeze_node(&self, name: &str) {
        self.world.processes.signal_node(name, Signal::STOP);
        if let Some(frozen) = self.world.nodes.lock().get(name) {
            frozen.send_replace(true);
        }
        if let Some(runtime) = &self.runtime {
            runtime.spawn(controllers::lose(self.world.clone(), name.to_owned()));
        }
    }

    /// Lets a node continue: processes that are no longer wanted are then ended.
    pub fn thaw_node(&self, name: &str) {
        if let Some(frozen) = self.world.nodes.lock().get(name) {
            frozen.send_replace(false);
        }
        self.world.processes.signal_node(name, Signal::CONT);
        controllers::heal(&self.world, name);
    }

    /// Cordons a node and evicts its pods, like `kubectl drain`. Returns those held back by a
    /// disruption budget.
    ///
    /// # Errors
    /// There is no such node.
    pub fn drain_node(&self, name: &str) -> Result<Vec<String>> {
        self.cordon_node(name)?;
        let of_node = |pod: &Value| pod["spec"]["nodeName"] == name;
        let pods = self.objects("pods", "").into_iter().filter(of_node);
        let mut held = Vec::new();
        for pod in pods {
            let text = |field: &str| pod["metadata"][field].as_str().unwrap_or_default();
            if self.evict(text("namespace"), text("name")).is_err() {
                held.push(text("name").to_owned());
            }
        }
        Ok(held)
    }

    /// Evicts a pod, as a request to the API does.
    ///
    /// # Errors
    /// There is no such pod, or its disruption budget holds it back.
    pub fn evict(&self, namespace: &str, pod: &str) -> Result<()> {
        let call = Call {
            resource: resource::named("pods"),
            namespace: namespace.to_owned(),
            name: Some(pod.to_owned()),
            subresource: Some("eviction".into()),
            query: Query::default(),
        };
        let evicted = verbs::evict(&self.world, &call, &Value::Null);
        evicted
            .map(drop)
            .map_err(|refusal| anyhow!(refusal.message))
    }

    /// Cordons a node: it takes no more pods.
    ///
    /// # Errors
    /// There is no such node.
    pub fn cordon_node(&self, name: &str) -> Result<()> {
        self.set_unschedulable(name, true)
    }

    /// Uncordons a node: it takes pods again.
    ///
    /// # Errors
    /// There is no such node.
    pub fn uncordon_node(&self, name: &str) -> Result<()> {
        self.set_unschedulable(name, false)
    }

    fn set_unschedulable(&self, name: &str, is_unschedulable: bool) -> Result<()> {
        let key = Key::new(resource::named("nodes"), "", name);
        let node = self
            .world
            .store()
            .get(&key)
            .with_context(|| format!("no node {name}"))?;
        let uid = node["metadata"]["uid"].as_str().unwrap_or_default();
        self.world.change(&key, uid, |node| {
            node["spec"]["unschedulable"] = json!(is_unschedulable);
        });
        Ok(())
    }
}
