//! Workers that are pods, in a cluster of the test's own.

mod bad;
mod blame;
mod kills;
mod networks;
mod python;
mod quay;
mod real;
mod rollouts;
mod stalled;
mod words;

use std::sync::Arc;

use utakata_execution::runtime::{
    Door, Error, Runtime, Spec,
    conformance::{self, Subject},
};
use utakata_model::OutcomeStatus;

use crate::{
    runtime::spec,
    site::{assert_ended, echo, set},
};
use quay::Quay;

/// A worker that is not there, whose door leads nowhere.
fn worker(quay: &Quay, folder: &tempfile::TempDir, program: &str, arguments: &[&str]) -> Spec {
    let mut spec = spec(folder, quay.tool(), arguments);
    spec.run.program = program.into();
    spec.door = Some(Arc::new(Door {
        endpoint: "https://127.0.0.1:1".into(),
        authority: String::new(),
    }));
    spec
}

#[tokio::test]
async fn pods_keep_all_promises() {
    let quay = Quay::open();
    let folder = tempfile::tempdir().unwrap();
    let runtime = quay.runtime();
    let mut impossible = worker(&quay, &folder, "tool", &[]);
    impossible.door = None;
    let subject = Subject {
        runtime: &runtime,
        ends: worker(&quay, &folder, "tool", &["end"]),
        lasts: worker(&quay, &folder, "tool", &["last"]),
        greets: worker(&quay, &folder, "utakata-worker-echo", &[]),
        impossible: Some(impossible),
        unobtainable: Some(worker(&quay, &folder, "nowhere", &[])),
    };
    conformance::check(&subject).await.unwrap();
    conformance::what_an_earlier_life_left_is_ended(&subject)
        .await
        .unwrap();
    quay.assert_empty().await;
}

#[tokio::test]
async fn a_pod_runs_tasks_as_a_process_does_and_nothing_is_left_of_it() {
    let quay = Quay::open();
    let mut site = quay.site(|_| {}).await;
    let read = site.ask(echo("a", "from a pod")).await;
    assert_ended(&read, OutcomeStatus::Succeeded, "");
    let control = site.ask(set("a", "0s")).await;
    assert_ended(&control, OutcomeStatus::Succeeded, "");
    let asked = quay.cluster.requests_in_all();
    for number in 0..100 {
        let read = site.ask(echo("a", &format!("{number}"))).await;
        assert_ended(&read, OutcomeStatus::Succeeded, "");
    }
    // A Lease and a watch are renewed meanwhile, at the most.
    let asked = quay.cluster.requests_in_all() - asked;
    assert!(asked < 10, "{asked} requests for 100 tasks");
    site.end().await;
    quay.assert_empty().await;
}

#[tokio::test]
async fn programs_and_archives_are_refused() {
    let quay = Quay::open();
    let folder = tempfile::tempdir().unwrap();
    let program = utakata_execution::Artifact::Program("/bin/sh".into());
    let refused = quay
        .runtime()
        .start(spec(&folder, program, &[]))
        .await
        .err();
    assert!(matches!(refused, Some(Error::Misplaced { .. })));
    let archive = utakata_execution::artifact::Image::Archive("/image.tar".into());
    let archive = utakata_execution::Artifact::Image(archive);
    let refused = quay
        .runtime()
        .start(spec(&folder, archive, &[]))
        .await
        .err();
    let refused = refused.unwrap().problem();
    assert_eq!(&*refused.code, "image-unfit");
}
