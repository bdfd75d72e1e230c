//! Faults of the API server, and what is left of a cluster: nothing.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams};
use rustix::process::{Pid, test_kill_process};
use serde_json::json;
use utakata_kube_for_tests::{Fault, Scope};
use utakata_tests::wait::{eventually, until};

use crate::site::{cluster, ours, refusal};

#[tokio::test]
async fn a_server_that_is_away_refuses_and_comes_back_where_it_was() {
    let site = ours().await;
    let cluster = site.cluster.as_ref().unwrap();
    let _: Pod = site.make(site.sleeper("a")).await.unwrap();
    site.until_running("a").await;
    cluster.close();
    let port: u16 = cluster
        .address()
        .rsplit(':')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    assert_eq!(cluster.processes().len(), 1, "pods run on");
    cluster.open();
    assert_eq!(site.look("a").await["status"]["phase"], "Running");
    for _ in 0..3 {
        cluster.close();
        cluster.open();
    }
    site.pods().list(&ListParams::default()).await.unwrap();
}

#[tokio::test]
async fn a_frozen_server_answers_when_it_thaws() {
    let site = ours().await;
    let cluster = site.cluster.as_ref().unwrap();
    cluster.freeze();
    let pods = site.pods();
    let asked = tokio::spawn(async move { pods.list(&ListParams::default()).await });
    until("it is asked", async || !asked.is_finished()).await;
    cluster.thaw();
    asked.await.unwrap().unwrap();
}

#[tokio::test]
async fn requests_fail_as_often_as_requested() {
    let site = ours().await;
    let cluster = site.cluster.as_ref().unwrap();
    cluster.fail(Scope::of("create", "pods"), Fault::InternalError, 1);
    cluster.fail(Scope::of("create", "pods"), Fault::HangupAfterwards, 1);
    cluster.delay(Duration::from_millis(1));
    assert_eq!(refusal(site.make::<Pod>(site.sleeper("a")).await).0, 500);
    // It was made, and nobody was told.
    assert!(site.make::<Pod>(site.sleeper("b")).await.is_err());
    assert_eq!(refusal(site.make::<Pod>(site.sleeper("b")).await).0, 409);
    cluster.heal();
    let before = cluster.requests_in_all();
    let _: Pod = site.make(site.sleeper("c")).await.unwrap();
    assert_eq!(cluster.requests_in_all(), before + 1);
    let made = cluster.requests()[&("create".to_owned(), "pods".to_owned())];
    assert_eq!(made, 4);
}

#[tokio::test]
async fn a_rule_refuses_as_a_policy_does() {
    let site = ours().await;
    let cluster = site.cluster.as_ref().unwrap();
    cluster.refuse("no-tags", "pods", |pod| {
        let image = pod["spec"]["containers"][0]["image"].as_str()?;
        (!image.contains('@')).then(|| "images are named by their digest".to_owned())
    });
    let mut pod = site.sleeper("a");
    pod["spec"]["containers"][0]["image"] = json!("busybox:1");
    let (code, _, message) = refusal(site.make::<Pod>(pod).await);
    let expect = "pods \"a\" is forbidden: ValidatingAdmissionPolicy 'no-tags' with binding \
        'no-tags' denied request: images are named by their digest";
    assert_eq!((code, message.as_str()), (422, expect));
}

#[tokio::test]
async fn nothing_is_left_of_a_cluster() {
    let mut site = ours().await;
    let script = "sleep 1000 & trap '' TERM; while :; do sleep 0.05; done";
    let _: Pod = site.make(site.script("a", script)).await.unwrap();
    site.until_running("a").await;
    let cluster = site.cluster.take().unwrap();
    let folder = cluster.folder().to_owned();
    let processes = cluster.processes();
    assert_eq!(processes.len(), 1);
    drop(cluster);
    for process in processes {
        let group = Pid::from_raw(process).unwrap();
        eventually("its group is gone", || {
            rustix::process::test_kill_process_group(group)
                .is_err()
                .then_some(())
        });
        assert!(test_kill_process(group).is_err());
    }
    assert!(!folder.exists());
}

#[test]
fn a_cluster_needs_no_runtime() {
    let cluster = cluster();
    cluster.namespace("workers", &[("a", "b")]).unwrap();
    assert!(cluster.object("namespaces", "", "workers").is_some());
    assert!(
        cluster
            .object("serviceaccounts", "workers", "default")
            .is_some()
    );
}

#[tokio::test]
async fn a_pod_ends_for_reasons_of_its_node() {
    let site = ours().await;
    let cluster = site.cluster.as_ref().unwrap();
    for name in ["a", "b"] {
        let _: Pod = site.make(site.sleeper(name)).await.unwrap();
        site.until_running(name).await;
    }
    cluster.run_out_of_memory(&site.namespace, "a");
    let pod = site.until_phase("a", "Failed").await;
    let ended = &pod["status"]["containerStatuses"][0]["state"]["terminated"];
    assert_eq!(
        (&ended["exitCode"], &ended["reason"]),
        (&json!(137), &json!("OOMKilled"))
    );
    cluster.evict_by_kubelet(
        &site.namespace,
        "b",
        "The node was low on resource: memory.",
    );
    let pod = site.until_phase("b", "Failed").await;
    assert_eq!(pod["status"]["reason"], "Evicted");
    site.pods()
        .delete("b", &DeleteParams::default())
        .await
        .unwrap();
    site.until_gone("b").await;
}
