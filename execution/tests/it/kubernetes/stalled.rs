//! A node that stands still in the middle of control, and goes on when nobody expects it any more.

use std::time::Duration;

use utakata_kube_for_tests::Options;
use utakata_model::OutcomeStatus;

use super::{Quay, quay::NAMESPACE};
use crate::{
    player::until,
    site::{assert_ended, echo, set},
};

#[tokio::test]
async fn a_frozen_node_is_replaced_at_once_and_its_control_waits_for_a_proof() {
    let quay = Quay::open_with(Options {
        nodes: 2,
        ..Options::default()
    });
    let mut site = quay
        .site(|config| {
            config.heartbeat = Duration::from_millis(250);
            config.hung_after = Duration::from_millis(1000);
        })
        .await;
    site.ready("echo").await;
    let frozen = quay.one().await;
    let pod = quay.cluster.object("pods", NAMESPACE, &frozen).unwrap();
    let node = pod["spec"]["nodeName"].as_str().unwrap().to_owned();
    let keys = site.send(vec![set("a", "60s")]).await;
    // What comes after it has been done: it has begun.
    let after = site.ask(set("b", "0s")).await;
    assert_ended(&after, OutcomeStatus::Succeeded, "");
    quay.cluster.freeze_node(&node);
    // A successor, while nobody knows what became of the first. What that was given before it was
    // missed is lost with it.
    while site.ask(echo("c", "x")).await.status != OutcomeStatus::Succeeded {}
    let other = site.ask(set("c", "0s")).await;
    assert_ended(&other, OutcomeStatus::Succeeded, "");
    let outcomes = site.outcomes(&keys).await;
    assert_ended(&outcomes[0], OutcomeStatus::Unknown, "worker-lost");
    assert!(!outcomes[0].is_over, "its worker may go on: {outcomes:#?}");
    // It is to be deleted, and nobody sees that it is.
    let is_ending = || {
        let pod = quay.cluster.object("pods", NAMESPACE, &frozen);
        pod.is_some_and(|pod| !pod["metadata"]["deletionTimestamp"].is_null())
    };
    until(is_ending).await;
    assert_eq!(site.outcomes_of(keys[0]).len(), 1);
    quay.cluster.thaw_node(&node);
    until(|| quay.cluster.object("pods", NAMESPACE, &frozen).is_none()).await;
    let proven = loop {
        let seen = site.outcomes_of(keys[0]);
        if seen.len() > 1 {
            break seen;
        }
        site.ask(echo("d", "x")).await;
    };
    assert!(proven[1].is_over, "{proven:#?}");
    assert_eq!(proven[1].status, OutcomeStatus::Unknown);
    site.end().await;
    quay.assert_empty().await;
}
