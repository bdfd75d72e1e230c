//! Watches: what changed since a version, and what changes.

use std::time::Duration;

use bytes::Bytes;
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::refusal::Refusal;
use crate::request::Call;
use crate::select::Selector;
use crate::store::Change;
use crate::world::Shared;

/// The parts of a streamed body; an error breaks the connection off.
pub type Part = Result<Frame<Bytes>, std::io::Error>;

struct Watch {
    world: Shared,
    call: Call,
    selector: Selector,
    sender: mpsc::Sender<Part>,
    /// The version reported last.
    version: u64,
    /// Those that were there before are told first.
    tells_all: bool,
}

/// Begins a watch.
pub fn watch(world: Shared, call: Call) -> Result<mpsc::Receiver<Part>, Refusal> {
    let query = &call.query;
    let selector = Selector::parse(
        call.resource,
        query.get("labelSelector"),
        query.get("fieldSelector"),
    )?;
    let asked = query.get("resourceVersion");
    let tells_all = matches!(asked, "" | "0") || query.is_true("sendInitialEvents");
    let version = match asked {
        "" => 0,
        text => text
            .parse()
            .map_err(|_| Refusal::bad(format!("Invalid value: \"{text}\": resource version")))?,
    };
    let (sender, receiver) = mpsc::channel(16);
    let watch = Watch {
        world,
        call,
        selector,
        sender,
        version,
        tells_all,
    };
    tokio::spawn(watch.run());
    Ok(receiver)
}

impl Watch {
    async fn run(mut self) {
        let until = self
            .call
            .query
            .number("timeoutSeconds")
            .filter(|seconds| *seconds > 0);
        let until = until
            .and_then(|seconds| u64::try_from(seconds).ok())
            .unwrap_or(1_800);
        let end = Instant::now() + Duration::from_secs(until);
        let mut changed = self.world.changed();
        let mut cuts = self.world.faults.cuts.subscribe();
        let has_begun = if self.world.faults.takes_expiry() {
            self.too_old().await;
            false
        } else {
            self.begin().await
        };
        if !has_begun {
            return;
        }
        let mut bookmark = Instant::now() + self.world.timing.bookmark;
        loop {
            if !self.tell().await {
                return;
            }
            tokio::select! {
                _ = changed.changed() => {}
                () = self.sender.closed() => return,
                _ = cuts.changed() => {
                    let error = std::io::Error::other("the watch was cut");
                    let _ = self.sender.send(Err(error)).await;
                    return;
                }
                () = sleep_until(bookmark) => {
                    bookmark = Instant::now() + self.world.timing.bookmark;
                    if !self.mark(None).await {
                        return;
                    }
                }
                () = sleep_until(end) => {
                    self.mark(None).await;
                    return;
                }
            }
        }
    }

    /// Tells what is there, where that is asked for.
    async fn begin(&mut self) -> bool {
        if !self.tells_all {
            return true;
        }
        let (version, all) = {
            let store = self.world.store();
            let all = store.list(self.call.resource.plural, &self.call.namespace);
            let all = all.filter(|(_, object)| self.selector.matches(object));
            let all: Vec<Value> = all.map(|(_, object)| (**object).clone()).collect();
            (store.version(), all)
        };
        for object in all {
            if !self.send("ADDED", object).await {
                return false;
            }
        }
        self.version = version;
        let is_marked = self.call.query.is_true("sendInitialEvents");
        !is_marked
            || self
                .mark(Some(json!({"k8s.io/initial-events-end": "true"})))
                .await
    }

    /// Tells what has changed.
    async fn tell(&mut self) -> bool {
        let news = {
            let store = self.world.store();
            let version = store.version();
            let news = store.since(self.version).map(|changes| {
                let told = changes.filter_map(|change| self.event(change));
                told.collect::<Vec<_>>()
            });
            news.map(|news| (version, news))
        };
        let Some((version, news)) = news else {
            self.too_old().await;
            return false;
        };
        for (kind, object) in news {
            if !self.send(kind, object).await {
                return false;
            }
        }
        self.version = self.version.max(version);
        true
    }

    /// Returns the event that a change means for a client that sees a subset of the objects.
    fn event(&self, change: &Change) -> Option<(&'static str, Value)> {
        let call = &self.call;
        let is_ours = change.key.plural == call.resource.plural
            && (call.namespace.is_empty() || call.namespace == change.key.namespace);
        let before = change
            .before
            .as_ref()
            .is_some_and(|object| self.selector.matches(object));
        let after = !change.is_gone && self.selector.matches(&change.after);
        let kind = match (before, after) {
            _ if !is_ours => return None,
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
            (false, false) => return None,
        };
        Some((kind, (*change.after).clone()))
    }

    async fn too_old(&mut self) {
        let oldest = self.world.store().oldest();
        let status = Refusal::expired(self.version, oldest).status();
        self.send("ERROR", status).await;
    }

    async fn mark(&mut self, annotations: Option<Value>) -> bool {
        if !self.call.query.is_true("allowWatchBookmarks") {
            return true;
        }
        let mut object = json!({
            "kind": self.call.resource.kind,
            "apiVersion": self.call.resource.api_version(),
            "metadata": {"resourceVersion": self.version.to_string(), "creationTimestamp": null},
        });
        if self.call.resource.plural == "pods" {
            object["spec"] = json!({"containers": null});
            object["status"] = json!({});
        }
        if let Some(annotations) = annotations {
            object["metadata"]["annotations"] = annotations;
        }
        self.send("BOOKMARK", object).await
    }

    async fn send(&self, kind: &str, object: Value) -> bool {
        self.world.faults.thawed().await;
        let line = format!("{}\n", json!({"type": kind, "object": object}));
        self.sender.send(Ok(Frame::data(line.into()))).await.is_ok()
    }
}
