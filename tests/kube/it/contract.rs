//! What an API server promises.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams};
use utakata_tests::wait::until;

use crate::client::{SHELL, SLEEPER, client, cluster, pod, typed};

async fn phase(pods: &Api<Pod>, name: &str) -> Option<String> {
    pods.get_opt(name).await.unwrap()?.status?.phase
}

#[tokio::test]
async fn a_pod_runs_and_is_deleted() {
    let cluster = cluster();
    let pods: Api<Pod> = Api::default_namespaced(client(&cluster).await);
    let made = pods
        .create(&PostParams::default(), &typed(pod("a", SLEEPER, &[])))
        .await
        .unwrap();
    assert!(made.metadata.uid.is_some());
    until("it runs", async || {
        phase(&pods, "a").await.as_deref() == Some("Running")
    })
    .await;
    assert_eq!(cluster.processes().len(), 1);
    pods.delete("a", &DeleteParams::default()).await.unwrap();
    until("it is gone", async || phase(&pods, "a").await.is_none()).await;
    assert!(cluster.processes().is_empty());
    assert!(
        pods.list(&ListParams::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

#[tokio::test]
async fn an_exit_code_and_last_words_are_told() {
    let cluster = cluster();
    let pods: Api<Pod> = Api::default_namespaced(client(&cluster).await);
    let script = ["-c", "echo out; echo err >&2; exit 3"];
    pods.create(&PostParams::default(), &typed(pod("a", SHELL, &script)))
        .await
        .unwrap();
    until("it ends", async || {
        phase(&pods, "a").await.as_deref() == Some("Failed")
    })
    .await;
    let status = pods.get("a").await.unwrap().status.unwrap();
    let state = status.container_statuses.unwrap().remove(0).state.unwrap();
    let ended = state.terminated.unwrap();
    assert_eq!(ended.exit_code, 3);
    assert_eq!(ended.message.as_deref(), Some("out\nerr\n"));
    assert_eq!(
        pods.logs("a", &kube::api::LogParams::default())
            .await
            .unwrap(),
        "out\nerr\n"
    );
}
