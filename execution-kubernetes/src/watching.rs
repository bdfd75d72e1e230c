//! The pods of an environment, as one watch tells of all of them.

use std::{collections::HashMap, pin::pin, sync::Arc, time::Duration};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::{
    WatchStreamExt as _,
    watcher::{self, Event, watcher},
};
use parking_lot::Mutex;
use tokio::{sync::watch, time::Instant};
use utakata_model::{Backoff, EnvironmentId, Incarnation};

use crate::{cluster::Cluster, labels, seen::Seen};

/// A watch is begun anew after so many seconds: one that hangs is found then.
const WATCH_SECONDS: u32 = 20;
/// The waits before a cluster that is away is asked again.
const RETRY: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));

/// The pods that are known. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pods(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// The pods that are or were there, by uid.
    pods: HashMap<String, Entry>,
    /// All pods that there are have been seen once.
    is_complete: bool,
    /// Earlier lives of which a pod went without its end being seen.
    unseen: Vec<Incarnation>,
}

#[derive(Debug)]
struct Entry {
    name: String,
    life: Option<Incarnation>,
    seen: watch::Sender<Seen>,
    since: Instant,
    /// Found by the present look at all of them.
    is_found: bool,
}

/// A pod, for those who look at all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) uid: String,
    pub(crate) name: String,
    /// The life of the environment that it is of, if that can be read.
    pub(crate) life: Option<Incarnation>,
    pub(crate) is_over: bool,
    pub(crate) is_ending: bool,
    /// The time for which it has been known.
    pub(crate) known_for: Duration,
}

impl Pods {
    /// Follows a pod that was created.
    pub(crate) fn follow(&self, pod: &Pod) -> Option<watch::Receiver<Seen>> {
        let uid = pod.metadata.uid.as_ref()?;
        let mut known = self.0.lock();
        let entry = match known.pods.get_mut(uid) {
            Some(entry) => entry,
            // It was not heard of yet.
            None => {
                known.put(pod);
                known.pods.get_mut(uid)?
            }
        };
        Some(entry.seen.subscribe())
    }

    /// Lists the pods; `None`: not all of them are known yet.
    pub(crate) fn list(&self) -> Option<Vec<Listed>> {
        let known = self.0.lock();
        let listed = known.pods.iter().map(|(uid, entry)| {
            let seen = entry.seen.borrow();
            Listed {
                uid: uid.clone(),
                name: entry.name.clone(),
                life: entry.life,
                is_over: seen.end.is_some(),
                is_ending: seen.must_go.is_some(),
                known_for: entry.since.elapsed(),
            }
        });
        known.is_complete.then(|| listed.collect())
    }

    /// Returns the lives of which a pod went without its end being seen.
    pub(crate) fn unseen(&self) -> Vec<Incarnation> {
        self.0.lock().unseen.clone()
    }

    fn on_event(&self, event: Event<Pod>) {
        let mut known = self.0.lock();
        match event {
            Event::Init => {
                for entry in known.pods.values_mut() {
                    entry.is_found = false;
                }
            }
            Event::Apply(pod) | Event::InitApply(pod) => known.put(&pod),
            Event::Delete(pod) => {
                // What it said last was said with its deletion.
                known.put(&pod);
                if let Some(uid) = &pod.metadata.uid {
                    known.remove(uid);
                }
            }
            Event::InitDone => {
                let gone = known.pods.iter().filter(|(_, entry)| !entry.is_found);
                let gone: Vec<String> = gone.map(|(uid, _)| uid.clone()).collect();
                for uid in gone {
                    known.remove(&uid);
                }
                known.is_complete = true;
            }
        }
    }
}

impl Known {
    fn put(&mut self, pod: &Pod) {
        let Some(uid) = &pod.metadata.uid else {
            return;
        };
        let seen = Seen::read(pod);
        let labels = pod.metadata.labels.as_ref();
        let life = labels.and_then(|labels| labels.get(labels::INCARNATION)?.parse().ok());
        let entry = self.pods.entry(uid.clone()).or_insert_with(|| Entry {
            name: pod.metadata.name.clone().unwrap_or_default(),
            life,
            seen: watch::Sender::default(),
            since: Instant::now(),
            is_found: true,
        });
        entry.is_found = true;
        entry.seen.send_if_modified(|last| {
            // An end stays as it was seen first: what is said later knows less.
            let seen = Seen {
                end: last.end.take().or_else(|| seen.end.clone()),
                ..seen
            };
            let has_changed = *last != seen;
            *last = seen;
            has_changed
        });
    }

    fn remove(&mut self, uid: &str) {
        let Some(entry) = self.pods.remove(uid) else {
            return;
        };
        entry
            .seen
            .send_modify(|seen| *seen = seen.clone().deleted());
        let is_proven = entry
            .seen
            .borrow()
            .exit()
            .is_some_and(|exit| exit.is_proven());
        if let Some(life) = entry.life
            && !is_proven
            && !self.unseen.contains(&life)
        {
            self.unseen.push(life);
        }
    }
}

/// Watches the pods of an environment for as long as it runs, also after the cluster was away.
pub(crate) async fn run(cluster: Arc<Cluster>, environment: EnvironmentId, pods: Pods) {
    let config = watcher::Config::default()
        .labels(&labels::of_environment(&environment))
        .timeout(WATCH_SECONDS);
    let mut backoff = RETRY;
    let api = loop {
        match cluster.pods().await {
            Ok(api) => break api,
            Err(error) => tracing::debug!(%error, "pods cannot be watched yet"),
        }
        tokio::time::sleep(backoff.wait()).await;
    };
    let mut events = pin!(watcher(api, config).default_backoff());
    let mut is_away = false;
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                if std::mem::take(&mut is_away) {
                    tracing::info!("the cluster answers again");
                }
                pods.on_event(event);
            }
            Err(error) if !std::mem::replace(&mut is_away, true) => {
                let error = utakata_model::chain(&error);
                tracing::warn!(error, "the cluster does not tell of pods: workers go on");
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use utakata_execution::runtime::Exit;

    use super::*;

    fn pod(uid: &str, life: Incarnation, status: &serde_json::Value) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": uid, "uid": uid, "labels": {
                labels::INCARNATION: life.to_string()}},
            "spec": {"containers": [], "nodeName": "n"},
            "status": status,
        }))
        .unwrap()
    }

    fn failed() -> serde_json::Value {
        json!({"phase": "Failed", "reason": "Evicted"})
    }

    #[test]
    fn an_end_that_was_seen_stays_and_one_that_was_not_is_never_known() {
        let (pods, life) = (Pods::default(), Incarnation::generate());
        let (a, b) = (pod("a", life, &json!({})), pod("b", life, &json!({})));
        let [seen_a, seen_b] = [&a, &b].map(|pod| pods.follow(pod).unwrap());
        assert_eq!(pods.list(), None);
        for event in [
            Event::Init,
            Event::InitApply(a),
            Event::InitApply(b),
            Event::InitDone,
        ] {
            pods.on_event(event);
        }
        assert_eq!(pods.list().unwrap().len(), 2);
        pods.on_event(Event::Apply(pod("a", life, &failed())));
        assert_eq!(seen_a.borrow().exit(), Some(Exit::Evicted));
        assert!(pods.unseen().is_empty());
        // Both went while nobody was told.
        pods.on_event(Event::Init);
        pods.on_event(Event::InitDone);
        assert_eq!(seen_a.borrow().exit(), Some(Exit::Evicted));
        assert_eq!(seen_b.borrow().exit(), Some(Exit::Unseen));
        assert_eq!((pods.unseen(), pods.list()), (vec![life], Some(vec![])));
    }

    #[test]
    fn a_pod_that_is_heard_of_before_its_creation_is_answered_is_followed_all_the_same() {
        let (pods, life) = (Pods::default(), Incarnation::generate());
        pods.on_event(Event::Apply(pod("a", life, &failed())));
        let seen = pods.follow(&pod("a", life, &json!({}))).unwrap();
        assert_eq!(seen.borrow().exit(), Some(Exit::Evicted));
    }
}
