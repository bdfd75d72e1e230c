//! Watches.

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, WatchEvent, WatchParams};
use serde_json::json;
use utakata_tests::wait::soon;

use crate::site::{Site, sites};

fn told(event: &WatchEvent<ConfigMap>) -> String {
    let name = |one: &ConfigMap| one.metadata.name.clone().unwrap_or_default();
    match event {
        WatchEvent::Added(one) => format!("added {}", name(one)),
        WatchEvent::Modified(one) => format!("modified {}", name(one)),
        WatchEvent::Deleted(one) => format!("deleted {}", name(one)),
        WatchEvent::Bookmark(_) => "bookmark".into(),
        WatchEvent::Error(status) => format!("error {}", status.code),
    }
}

async fn label(site: &Site, name: &str, zone: &str) {
    let patch = Patch::Merge(json!({"metadata": {"labels": {"zone": zone}}}));
    let maps = site.api::<ConfigMap>();
    maps.patch(name, &PatchParams::default(), &patch)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_watch_tells_what_enters_changes_and_leaves() {
    for site in sites().await {
        let maps = site.api::<ConfigMap>();
        let from = maps
            .list(&ListParams::default())
            .await
            .unwrap()
            .metadata
            .resource_version;
        let params = WatchParams::default().labels("zone=1").disable_bookmarks();
        let events = maps.watch(&params, &from.unwrap()).await.unwrap();
        let mut events = std::pin::pin!(events);
        for name in ["a", "b"] {
            let object = json!({"metadata": {"name": name, "labels": {"zone": "1"}}});
            let _: ConfigMap = site.make(object).await.unwrap();
        }
        label(&site, "a", "2").await;
        label(&site, "a", "1").await;
        maps.delete("b", &DeleteParams::default()).await.unwrap();
        for expect in ["added a", "added b", "deleted a", "added a", "deleted b"] {
            let event = soon(expect, events.try_next()).await.unwrap().unwrap();
            assert_eq!(told(&event), expect, "{}", site.name);
        }
        site.leave().await;
    }
}

#[tokio::test]
async fn a_watch_ends_in_time_with_a_bookmark() {
    for site in sites().await {
        let maps = site.api::<ConfigMap>();
        let _: ConfigMap = site.make(json!({"metadata": {"name": "a"}})).await.unwrap();
        let list = maps.list(&ListParams::default()).await.unwrap();
        let version = list.metadata.resource_version.unwrap();
        let params = WatchParams::default().timeout(2);
        let events = maps.watch(&params, &version).await.unwrap();
        let events: Vec<_> = soon("the end of the watch", events.collect()).await;
        let events: Vec<_> = events
            .into_iter()
            .map(|event| told(&event.unwrap()))
            .collect();
        assert!(
            events.iter().all(|event| event == "bookmark"),
            "{}: {events:?}",
            site.name
        );
        assert!(
            site.cluster.is_none() || !events.is_empty(),
            "{}",
            site.name
        );
        site.leave().await;
    }
}

#[tokio::test]
async fn a_version_that_is_too_old_is_an_error_event() {
    for site in sites().await {
        // A real one has been compacted, if it is old enough.
        let Some(cluster) = &site.cluster else {
            continue;
        };
        let maps = site.api::<ConfigMap>();
        let list = maps.list(&ListParams::default()).await.unwrap();
        cluster.compact();
        let version = list.metadata.resource_version.unwrap();
        let events = maps.watch(&WatchParams::default(), &version).await.unwrap();
        let mut events = std::pin::pin!(events);
        let event = soon("an event", events.try_next()).await.unwrap().unwrap();
        assert_eq!(told(&event), "error 410");
        site.leave().await;
    }
}

#[tokio::test]
async fn a_watch_from_nowhere_begins_with_what_is_there() {
    for site in sites().await {
        let maps = site.api::<ConfigMap>();
        let object = json!({"metadata": {"name": "a", "labels": {"zone": "1"}}});
        let _: ConfigMap = site.make(object).await.unwrap();
        let params = WatchParams::default().labels("zone=1");
        let events = maps.watch(&params, "0").await.unwrap();
        let mut events = std::pin::pin!(events);
        let event = soon("an event", events.try_next()).await.unwrap().unwrap();
        assert_eq!(told(&event), "added a", "{}", site.name);
        site.leave().await;
    }
}

#[tokio::test]
async fn the_watcher_of_kube_continues_after_cuts_and_compactions() {
    use kube::runtime::{WatchStreamExt, watcher};
    let site = crate::site::ours().await;
    let cluster = site.cluster.as_ref().unwrap();
    let stream = watcher(site.pods(), watcher::Config::default().timeout(20));
    let stream = stream.default_backoff().applied_objects();
    let mut stream = std::pin::pin!(stream);
    for (name, fault) in [
        ("a", "none"),
        ("b", "cut"),
        ("c", "too old"),
        ("d", "cut and too old"),
    ] {
        if fault.contains("cut") {
            cluster.cut_watches();
        }
        if fault.contains("old") {
            cluster.expire_watches(1);
            cluster.cut_watches();
        }
        let _: Pod = site.make(site.sleeper(name)).await.unwrap();
        soon(format!("{name} after {fault}"), async {
            while stream
                .next()
                .await
                .and_then(Result::ok)
                .is_none_or(|pod| pod.metadata.name.as_deref() != Some(name))
            {}
        })
        .await;
    }
}
