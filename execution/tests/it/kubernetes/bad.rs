//! Obstacles to pods: each has its code, and says what to do.

use std::time::Duration;

use serde_json::json;
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

#[tokio::test]
async fn a_pull_secret_with_a_wrong_password_is_told_like_none() {
    let quay = Quay::open();
    let credentials = Credentials {
        user: "a".into(),
        password: "b".into(),
    };
    let private = reference().replace("aa", "cc");
    let image = Image::folder(quay.images()).private(credentials);
    quay.cluster.register(&private, image);
    // {"auths":{"registry.example":{"username":"a","password":"wrong"}}}
    let wrong =
        "eyJhdXRocyI6eyJyZWdpc3RyeS5leGFtcGxlIjp7InVzZXJuYW1lIjoiYSIsInBhc3N3b3JkIjoid3JvbmcifX19";
    let secret = json!({
        "metadata": {"name": "registry"}, "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": wrong},
    });
    quay.cluster.put("secrets", NAMESPACE, secret).unwrap();
    let pods = config::Kubernetes {
        pull_secrets: vec!["registry".into()],
        ..quay.config()
    };
    let site = quay.site_with(&private, pods, |_| {}).await;
    let problem = refused(&site).await;
    assert_says(&problem, "image-missing", "authorization failed");
    site.end().await;
    quay.assert_empty().await;
}

#[tokio::test]
async fn an_image_for_other_processors_is_refused_before_it_serves() {
    let quay = Quay::open();
    let foreign = reference().replace("aa", "dd");
    let image = Image::folder(quay.images()).foreign();
    quay.cluster.register(&foreign, image);
    let site = quay.site_with(&foreign, quay.config(), |_| {}).await;
    assert_says(&refused(&site).await, "image-unfit", "processors");
    site.end().await;
    quay.assert_empty().await;
}

#[tokio::test]
async fn a_quota_of_none_is_one_reason_and_no_stream_of_requests() {
    let quay = Quay::open();
    let quota = json!({"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}});
    quay.cluster
        .put("resourcequotas", NAMESPACE, quota)
        .unwrap();
    let mut site = quay.site(|_| {}).await;
    assert_says(
        &refused(&site).await,
        "kubernetes-quota",
        "exceeded quota: none",
    );
    let created = || {
        let counts = quay.cluster.requests();
        let of = counts.get(&("create".to_owned(), "pods".to_owned()));
        of.copied().unwrap_or_default()
    };
    assert!(created() < 10, "{} pods were asked for", created());
    quay.cluster.take("resourcequotas", NAMESPACE, "none");
    let read = site.ask(echo("a", "x")).await;
    assert_ended(&read, OutcomeStatus::Succeeded, "");
    site.end().await;
    quay.assert_empty().await;
}

#[tokio::test]
async fn a_pod_that_never_says_hello_is_refused_before_it_serves() {
    let quay = Quay::open();
    let silent = reference().replace("aa", "ee");
    let root = tempfile::tempdir().unwrap();
    let worker = root.path().join("utakata-worker-echo");
    std::fs::write(&worker, "#!/bin/sh\nexec sleep 600\n").unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&worker, executable).unwrap();
    std::fs::copy(
        quay.images().join("worker.toml"),
        root.path().join("worker.toml"),
    )
    .unwrap();
    quay.cluster.register(&silent, Image::folder(root.path()));
    let pods = config::Kubernetes {
        starts_within: Duration::from_secs(1),
        ..quay.config()
    };
    let soon =
        |config: &mut utakata_execution::Config| config.hello_within = Duration::from_secs(1);
    let site = quay.site_with(&silent, pods, soon).await;
    let problem = refused(&site).await;
    assert_says(&problem, "worker-no-hello", "hello");
    site.end().await;
    quay.assert_empty().await;
}

#[tokio::test]
async fn of_two_environments_with_one_name_the_later_serves_and_the_earlier_says_so() {
    let quay = Quay::open();
    let named = |config: &mut utakata_execution::Config| config.id = Some("twin".parse().unwrap());
    let first = quay.site(named).await;
    first.ready("echo").await;
    let mut second = quay.site(named).await;
    second.ready("echo").await;
    let read = second.ask(echo("a", "x")).await;
    assert_ended(&read, OutcomeStatus::Succeeded, "");
    // The workers of the earlier one are ended, and it may start no others.
    let problem = || {
        let status = first.handle.status();
        let of_pools = status.pools.iter().filter_map(|pool| pool.problem.clone());
        of_pools
            .chain(status.refused.iter().map(|one| one.problem.clone()))
            .next()
    };
    until(|| problem().is_some_and(|problem| &*problem.code == "environment-twice")).await;
    let read = second.ask(echo("b", "x")).await;
    assert_ended(&read, OutcomeStatus::Succeeded, "");
    first.end().await;
    second.end().await;
    quay.assert_empty().await;
}
