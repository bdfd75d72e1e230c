//! Evictions and budgets.

use futures::TryStreamExt;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{EvictParams, WatchEvent, WatchParams};
use serde_json::{Value, json};
use utakata_tests::wait::{soon, until};

use crate::site::{refusal, sites};

#[tokio::test]
async fn an_evicted_pod_is_told_before_it_goes() {
    for site in sites().await {
        let _: Pod = site.make(site.sleeper("a")).await.unwrap();
        site.until_running("a").await;
        let events = site
            .pods()
            .watch(&WatchParams::default(), "0")
            .await
            .unwrap();
        let mut events = std::pin::pin!(events);
        site.pods()
            .evict("a", &EvictParams::default())
            .await
            .unwrap();
        let mut story: Vec<&str> = Vec::new();
        loop {
            let (is_gone, pod) = match soon("an event", events.try_next()).await.unwrap().unwrap() {
                WatchEvent::Added(pod) | WatchEvent::Modified(pod) => (false, pod),
                WatchEvent::Deleted(pod) => (true, pod),
                _ => continue,
            };
            let pod: Value = serde_json::to_value(pod).unwrap();
            let conditions = pod["status"]["conditions"].as_array().unwrap();
            let target = conditions
                .iter()
                .find(|one| one["type"] == "DisruptionTarget");
            let is_told = target.is_some_and(|one| one["reason"] == "EvictionByEvictionAPI");
            let is_leaving = !pod["metadata"]["deletionTimestamp"].is_null();
            let has_ended = pod["status"]["phase"] == "Succeeded";
            let step = match (is_told, is_leaving, has_ended, is_gone) {
                (.., true) => "gone",
                (true, true, true, _) => "ended",
                (true, true, false, _) => "leaving",
                (true, false, ..) => "told",
                _ => "running",
            };
            if story.last() != Some(&step) {
                story.push(step);
            }
            if is_gone {
                break;
            }
        }
        assert_eq!(
            story,
            ["running", "told", "leaving", "ended", "gone"],
            "{}",
            site.name
        );
        site.leave().await;
    }
}

#[tokio::test]
async fn a_budget_holds_pods_back() {
    for site in sites().await {
        for name in ["a", "b"] {
            let mut pod = site.sleeper(name);
            pod["metadata"]["labels"] = json!({"kind": "snmp"});
            let _: Pod = site.make(pod).await.unwrap();
        }
        site.until_running("a").await;
        site.until_running("b").await;
        let budget = json!({"metadata": {"name": "snmp"}, "spec": {
            "minAvailable": 1, "selector": {"matchLabels": {"kind": "snmp"}},
        }});
        let _: PodDisruptionBudget = site.make(budget).await.unwrap();
        // The controller of a real one has to see it first.
        until(format!("a may go ({})", site.name), async || {
            site.pods()
                .evict("a", &EvictParams::default())
                .await
                .is_ok()
        })
        .await;
        let (code, reason, message) =
            refusal(site.pods().evict("b", &EvictParams::default()).await);
        assert_eq!(
            (code, reason.as_str()),
            (429, "TooManyRequests"),
            "{}",
            site.name
        );
        let expect = "Cannot evict pod as it would violate the pod's disruption budget.";
        assert_eq!(message, expect, "{}", site.name);
        site.leave().await;
    }
}
