//! Releases that appear, change and disappear while everything runs.

use std::{fs, time::Duration};

use utakata_execution::{Config, Environment, Error};
use utakata_model::{Kind, OutcomeStatus, Target};

use crate::site::{Site, add_echo, assert_ended, echo, pool};

fn of_kind(kind: &str, target: &str) -> utakata_model::Task {
    let mut task = echo(target, "x");
    let name = task.target.name.clone();
    task.target = Target::new(name, Kind::new(kind).unwrap(), "nowhere".into()).into();
    task
}

#[tokio::test]
async fn a_release_that_is_dropped_in_serves() {
    let mut site = Site::start(|_| {}).await;
    site.ready("echo").await;
    add_echo(&site.releases(), "pdu", |manifest| {
        *manifest = manifest.replace("kind = \"echo\"", "kind = \"pdu\"");
    });
    let outcome = site.ask(of_kind("pdu", "a")).await;
    assert_ended(&outcome, OutcomeStatus::Succeeded, "");
    let outcome = site.ask(echo("b", "x")).await;
    assert_ended(&outcome, OutcomeStatus::Succeeded, "");
    site.end().await;
}

#[tokio::test]
async fn a_release_that_changes_replaces_the_old_one_without_a_pause() {
    let mut site = Site::start(|_| {}).await;
    let before = site.ask(echo("a", "x")).await.ran_by.unwrap();
    let slow = crate::site::set("slow", "3s");
    let slow = site.send(vec![slow]).await;
    add_echo(&site.releases(), "echo", |manifest| {
        manifest.push_str("\n# changed\n");
    });
    let digest = before.release.digest.clone();
    site.status(|status| {
        let new = pool(status, "echo").filter(|pool| pool.release.digest != digest);
        new.is_some_and(|pool| pool.ready > 0)
    })
    .await;
    let after = site.ask(echo("a", "x")).await;
    assert_ended(&after, OutcomeStatus::Succeeded, "");
    assert_ne!(after.ran_by.unwrap().release.digest, digest);
    let outcome = site.outcomes(&slow).await.remove(0);
    assert_ended(&outcome, OutcomeStatus::Succeeded, "");
    assert_eq!(outcome.ran_by.unwrap().release.digest, digest);
    let status = site.status(|status| status.pools.len() == 1).await;
    assert_eq!(status.pools[0].lost, 0);
    site.end().await;
}

#[tokio::test]
async fn a_release_that_goes_takes_its_workers_with_it_and_a_bad_one_is_reported() {
    let site = Site::start(|_| {}).await;
    site.ready("echo").await;
    fs::rename(
        site.releases().join("echo"),
        site.folder.path().join("away"),
    )
    .unwrap();
    site.status(|status| status.pools.is_empty()).await;
    assert_eq!(site.processes(), [0i32; 0]);
    fs::create_dir(site.releases().join("bad")).unwrap();
    fs::write(site.releases().join("bad/worker.toml"), "kind = 3").unwrap();
    let is_reported = |status: &utakata_model::EnvironmentStatus| {
        status
            .refused
            .iter()
            .any(|r| &*r.problem.code == "release-manifest")
    };
    site.status(is_reported).await;
    fs::rename(
        site.folder.path().join("away"),
        site.releases().join("echo"),
    )
    .unwrap();
    site.ready("echo").await;
    site.end().await;
}

#[tokio::test]
async fn settings_and_folders_that_cannot_be_are_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let start = |config: Config| {
        let tasks = utakata_interconnect::tasks::embedded::Embedded::new(Default::default());
        let bus = utakata_interconnect::events::bus::Bus::new(Default::default());
        Environment::builder(config, std::sync::Arc::new(tasks), std::sync::Arc::new(bus)).start()
    };
    let config = Config {
        run_folder: Some(folder.path().join("file/run")),
        ..Config::default()
    };
    assert!(matches!(start(config), Err(Error::Endpoint(_))));
    let config = Config {
        heartbeat: Duration::ZERO,
        ..Config::default()
    };
    assert!(matches!(start(config), Err(Error::Config(_))));
}
