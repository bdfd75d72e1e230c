//! Pods are evicted and killed, and the cluster goes away.

use utakata_model::{OutcomeStatus, Task};

use super::{Quay, quay::NAMESPACE};
use crate::{
    player::until,
    site::{Site, assert_ended, echo, set, task},
};

/// Reads and controls that take longer than a drain takes to begin.
fn load() -> Vec<Task> {
    let slow = serde_json::json!({ "payload": "x", "delay": "2s" });
    let reads = (0..50).map(|n| task(&format!("read-{n}"), "echo", slow.clone()));
    let controls = (0..20).map(|n| set(&format!("set-{n}"), "2s"));
    reads.chain(controls).collect()
}

/// The workers that have died or hung, of the one release.
fn lost(site: &Site) -> u64 {
    site.handle.status().pools[0].lost
}

#[tokio::test]
async fn a_pod_that_is_evicted_under_load_ends_what_it_has_is_replaced_and_is_no_crash() {
    let quay = Quay::open();
    let mut site = quay.site(|_| {}).await;
    site.ready("echo").await;
    for _ in 0..3 {
        let first = quay.one().await;
        let keys = site.send(load()).await;
        // One that comes after them: they have begun when it has ended.
        let last = site.ask(set("last", "0s")).await;
        assert_ended(&last, OutcomeStatus::Succeeded, "");
        let node = quay.cluster.object("pods", NAMESPACE, &first).unwrap();
        let node = node["spec"]["nodeName"].as_str().unwrap().to_owned();
        let next = format!("{node}x");
        quay.cluster.add_node(&next, 110);
        quay.cluster.drain_node(&node).unwrap();
        for outcome in site.outcomes(&keys).await {
            assert_ended(&outcome, OutcomeStatus::Succeeded, "");
        }
        until(|| quay.cluster.object("pods", NAMESPACE, &first).is_none()).await;
    }
    assert_eq!(lost(&site), 0);
    assert_eq!(site.handle.status().pools[0].problem, None);
    site.end().await;
    quay.assert_empty().await;
}

#[tokio::test]
async fn a_pod_that_crashes_is_a_crash_and_one_without_memory_says_so() {
    let quay = Quay::open();
    let mut site = quay.site(|_| {}).await;
    site.ready("echo").await;
    let first = quay.one().await;
    quay.cluster.run_out_of_memory(NAMESPACE, &first);
    until(|| lost(&site) == 1).await;
    let read = site.ask(echo("a", "x")).await;
    assert_ended(&read, OutcomeStatus::Succeeded, "");
    site.end().await;
    quay.assert_empty().await;
}

#[tokio::test]
async fn workers_go_on_while_the_cluster_is_away() {
    let quay = Quay::open();
    let mut site = quay.site(|_| {}).await;
    site.ready("echo").await;
    let first = quay.one().await;
    quay.cluster.close();
    for number in 0..20 {
        let control = site.ask(set(&format!("set-{number}"), "0s")).await;
        assert_ended(&control, OutcomeStatus::Succeeded, "");
    }
    quay.cluster.open();
    quay.cluster.compact();
    quay.cluster.cut_watches();
    quay.cluster.run_out_of_memory(NAMESPACE, &first);
    until(|| lost(&site) == 1).await;
    let read = site.ask(echo("a", "x")).await;
    assert_ended(&read, OutcomeStatus::Succeeded, "");
    site.end().await;
    quay.assert_empty().await;
}
