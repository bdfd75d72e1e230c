//! Obstacles to pods: each has its code, and says what to do.

use utakata_execution::config;
use utakata_kube_for_tests::{Credentials, Fault, Image, Scope};
use utakata_model::{OutcomeStatus, Problem};

use super::{
    Quay,
    quay::{NAMESPACE, reference},
};
use crate::{
    player::until,
    site::{Site, assert_ended, echo},
};

/// Waits for the reason for which the one release is not served.
async fn refused(site: &Site) -> Problem {
    let problem = || {
        let status = site.handle.status();
        let refused = status.refused.first()?;
        let is_known = &*refused.problem.code != "release-preparing";
        is_known.then(|| refused.problem.clone())
    };
    until(|| problem().is_some()).await;
    problem().unwrap()
}

#[track_caller]
fn assert_says(problem: &Problem, code: &str, text: &str) {
    assert_eq!(&*problem.code, code, "{problem}");
    assert!(problem.message.contains(text), "{problem}");
}

#[tokio::test]
async fn an_image_that_is_not_there_is_refused_before_it_serves() {
    let quay = Quay::open();
    let missing = reference().replace("aa", "bb");
    let site = quay.site_with(&missing, quay.config(), |_| {}).await;
    let problem = refused(&site).await;
    assert_says(&problem, "image-missing", "compare name and digest");
    site.end().await;
    quay.assert_empty().await;
}

#[tokio::test]
async fn a_namespace_that_is_not_there_and_a_cluster_that_is_away_are_told() {
    let quay = Quay::open();
    let nowhere = config::Kubernetes {
        namespace: "nowhere".into(),
        ..quay.config()
    };
    let site = quay.site_with(&reference(), nowhere, |_| {}).await;
    assert_says(&refused(&site).await, "kubernetes-namespace", "nowhere");
    site.end().await;
    let no_config = config::Kubernetes {
        kubeconfig: Some("/nowhere/config".into()),
        ..quay.config()
    };
    let site = quay.site_with(&reference(), no_config, |_| {}).await;
    assert_says(&refused(&site).await, "kubernetes-config", "kubeconfig");
    site.end().await;
}

#[tokio::test]
async fn a_cluster_that_gives_no_rights_and_one_that_refuses_a_pod_say_so() {
    let quay = Quay::open();
    let token = quay.cluster.account_token(NAMESPACE, "default").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("config");
    let text = quay.cluster.kubeconfig_of(&token, NAMESPACE);
    std::fs::write(&kubeconfig, text).unwrap();
    let nobody = config::Kubernetes {
        kubeconfig: Some(kubeconfig),
        ..quay.config()
    };
    let site = quay.site_with(&reference(), nobody, |_| {}).await;
    assert_says(
        &refused(&site).await,
        "kubernetes-forbidden",
        "role of the chart",
    );
    site.end().await;
    let rule = |_: &serde_json::Value| Some("not from this registry".to_owned());
    quay.cluster.refuse("registries", "pods", rule);
    let site = quay.site(|_| {}).await;
    assert_says(
        &refused(&site).await,
        "kubernetes-refused",
        "not from this registry",
    );
    site.end().await;
    quay.assert_empty().await;
}

#[tokio::test]
async fn a_private_registry_says_what_it_wants() {
    let quay = Quay::open();
    let credentials = Credentials {
        user: "a".into(),
        password: "b".into(),
    };
    let private = reference().replace("aa", "cc");
    let image = Image::folder(quay.images()).private(credentials);
    quay.cluster.register(&private, image);
    let site = quay.site_with(&private, quay.config(), |_| {}).await;
    assert_says(&refused(&site).await, "image-missing", "pull_secrets");
    site.end().await;
    quay.assert_empty().await;
}

#[tokio::test]
async fn an_api_server_with_too_much_to_do_is_left_alone_as_long_as_it_says() {
    let quay = Quay::open();
    let scope = Scope::of("create", "pods");
    quay.cluster.fail(scope, Fault::TooManyRequests(1), 2);
    let mut site = quay.site(|_| {}).await;
    let read = site.ask(echo("a", "x")).await;
    assert_ended(&read, OutcomeStatus::Succeeded, "");
    let created = quay.cluster.requests()[&("create".to_owned(), "pods".to_owned())];
    assert!(created < 10, "{created} pods were asked for");
    site.end().await;
    quay.assert_empty().await;
}

#[tokio::test]
async fn an_answer_that_is_lost_makes_no_second_pod() {
    let quay = Quay::open();
    let scope = Scope::of("create", "pods");
    quay.cluster.fail(scope, Fault::HangupAfterwards, 2);
    let mut site = quay.site(|_| {}).await;
    let read = site.ask(echo("a", "x")).await;
    assert_ended(&read, OutcomeStatus::Succeeded, "");
    quay.one().await;
    assert_eq!(quay.pods().len(), 1, "in {NAMESPACE}");
    site.end().await;
    quay.assert_empty().await;
}
