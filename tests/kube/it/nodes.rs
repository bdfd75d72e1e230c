//! Nodes: frozen, drained, gone.

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::DeleteParams;
use serde_json::json;
use utakata_kube_for_tests::{Cluster, Options};
use utakata_tests::wait::until;

use crate::site::{Site, furnish, ours_of};

async fn two_nodes() -> Site {
    let cluster = Cluster::start_with(Options {
        nodes: 2,
        ..Options::default()
    })
    .unwrap();
    furnish(&cluster);
    ours_of(cluster).await
}

/// A pod that goes five seconds after its node is silent.
async fn hasty(site: &Site, name: &str) -> String {
    let mut pod = site.sleeper(name);
    pod["spec"]["tolerations"] = json!([{
        "key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute",
        "tolerationSeconds": 5,
    }]);
    let _: Pod = site.make(pod).await.unwrap();
    let pod = site.until_running(name).await;
    pod["spec"]["nodeName"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_frozen_node_holds_its_pods_and_not_found_proves_nothing() {
    let site = two_nodes().await;
    let cluster = site.cluster.as_ref().unwrap();
    let node = hasty(&site, "a").await;
    cluster.freeze_node(&node);
    until("it is told to go", async || {
        !site.look("a").await["metadata"]["deletionTimestamp"].is_null()
    })
    .await;
    let found = cluster.object("nodes", "", &node).unwrap();
    let conditions = found["status"]["conditions"].as_array().unwrap();
    assert_eq!(conditions[0]["status"], "Unknown");
    assert_eq!(
        found["spec"]["taints"][0]["key"],
        "node.kubernetes.io/unreachable"
    );
    let pod = site.look("a").await;
    let conditions = pod["status"]["conditions"].as_array().unwrap();
    let target = conditions
        .iter()
        .find(|one| one["type"] == "DisruptionTarget")
        .unwrap();
    assert_eq!(target["reason"], "DeletionByTaintManager");
    assert_eq!(pod["status"]["phase"], "Running", "it hangs");

    site.pods()
        .delete("a", &DeleteParams::default().grace_period(0))
        .await
        .unwrap();
    site.until_gone("a").await;
    assert_eq!(cluster.processes().len(), 1, "and its process is there");

    cluster.thaw_node(&node);
    until("its process ends", async || cluster.processes().is_empty()).await;
    let found = cluster.object("nodes", "", &node).unwrap();
    assert_eq!(found["spec"]["taints"], json!([]));
}

#[tokio::test]
async fn a_drained_node_is_empty_and_takes_nothing() {
    let site = two_nodes().await;
    let cluster = site.cluster.as_ref().unwrap();
    let node = hasty(&site, "a").await;
    assert_eq!(cluster.drain_node(&node).unwrap(), Vec::<String>::new());
    site.until_gone("a").await;
    for name in ["b", "c"] {
        assert_ne!(hasty(&site, name).await, node);
    }
    cluster.uncordon_node(&node).unwrap();
    assert_eq!(hasty(&site, "d").await, node);
}

#[tokio::test]
async fn pods_wait_while_there_is_no_room() {
    let options = Options {
        pods_per_node: 1,
        ..Options::default()
    };
    let cluster = Cluster::start_with(options).unwrap();
    furnish(&cluster);
    let site = ours_of(cluster).await;
    hasty(&site, "a").await;
    let _: Pod = site.make(site.sleeper("b")).await.unwrap();
    until("it is said why", async || {
        let pod = site.look("b").await;
        let why = pod["status"]["conditions"][0]["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        why == "0/1 nodes are available: 1 Too many pods."
    })
    .await;
    site.cluster.as_ref().unwrap().add_node("node-2", 10);
    site.until_running("b").await;
}

#[tokio::test]
async fn the_pods_of_a_node_that_has_gone_are_removed() {
    let site = two_nodes().await;
    let cluster = site.cluster.as_ref().unwrap();
    let node = hasty(&site, "a").await;
    cluster.freeze_node(&node);
    let nodes: Api<Node> = Api::all(site.client.clone());
    nodes.delete(&node, &DeleteParams::default()).await.unwrap();
    site.until_gone("a").await;
}
