//! Containers, their engine and their environment are killed.

use std::{path::PathBuf, process::Child};

use tempfile::TempDir;
use utakata_model::{Class, Outcome, OutcomeStatus, Task};

use super::{Port, port::this_again};
use crate::{
    player::until,
    site::{Site, assert_ended, echo, set, task},
};

/// Turns this program into an environment that is to be killed, with its location.
const DOOMED: &str = "UTAKATA_TEST_DOOMED";

/// Reads and controls that outlast the worker.
fn load() -> Vec<Task> {
    let slow = serde_json::json!({ "payload": "x", "delay": "5s" });
    let reads = (0..200).map(|n| task(&format!("read-{n}"), "echo", slow.clone()));
    let controls = (0..50).map(|n| set(&format!("set-{n}"), "5s"));
    reads.chain(controls).collect()
}

fn assert_known(outcome: &Outcome) {
    let expect = match outcome.class {
        Class::Observe => OutcomeStatus::Failed,
        Class::Control => OutcomeStatus::Unknown,
    };
    // Tasks waiting in the environment are done by its successor.
    if outcome.status != OutcomeStatus::Succeeded {
        assert_ended(outcome, expect, "worker-lost");
    }
}

#[tokio::test]
async fn a_container_that_is_killed_under_load_is_replaced_and_every_task_has_one_outcome() {
    let port = Port::open();
    let mut site = port.site(|_| {}).await;
    site.ready("echo").await;
    let first = port.one().await;
    let keys = site.send(load()).await;
    // A later task: when it has ended, the others have begun.
    let last = site.ask(set("last", "1s")).await;
    assert_ended(&last, OutcomeStatus::Succeeded, "");
    port.kill_container(&first);
    let outcomes = site.outcomes(&keys).await;
    outcomes.iter().for_each(assert_known);
    let unknown = outcomes
        .iter()
        .filter(|o| o.status == OutcomeStatus::Unknown);
    assert_eq!(unknown.count(), 50);
    let after = site.ask(echo("a", "x")).await;
    assert_ended(&after, OutcomeStatus::Succeeded, "");
    for key in keys {
        assert_eq!(site.outcomes_of(key).len(), 1);
    }
    site.end().await;
    port.assert_empty().await;
}

#[tokio::test]
async fn workers_continue_without_their_engine_and_are_replaced_when_it_comes_back() {
    let mut port = Port::open();
    let mut site = port.site(|_| {}).await;
    let before = site.ask(echo("a", "x")).await.ran_by.unwrap();
    port.engine.kill().unwrap();
    let without = site.ask(echo("a", "x")).await;
    assert_ended(&without, OutcomeStatus::Succeeded, "");
    assert_eq!(without.ran_by.unwrap().worker, before.worker);
    // A restarted engine ends the containers that it finds.
    port.engine.start_again().unwrap();
    site.status(|status| {
        status
            .pools
            .iter()
            .any(|pool| pool.lost > 0 && pool.ready > 0)
    })
    .await;
    let after = site.ask(echo("a", "x")).await;
    assert_ended(&after, OutcomeStatus::Succeeded, "");
    assert_ne!(after.ran_by.unwrap().worker, before.worker);
    site.end().await;
    port.assert_empty().await;
}

#[tokio::test]
async fn an_environment_whose_engine_has_gone_still_ends() {
    let mut port = Port::open();
    let mut site = port.site(|_| {}).await;
    let read = site.ask(echo("a", "x")).await;
    assert_ended(&read, OutcomeStatus::Succeeded, "");
    port.engine.kill().unwrap();
    site.end().await;
}

#[tokio::test]
async fn what_a_killed_environment_leaves_is_ended_by_its_next_life() {
    let port = Port::open();
    let mut doomed = doom(&port);
    let left = port.one().await;
    // A worker ends by itself when its environment has gone; a hung one does not.
    port.engine.docker(&["pause", &left]).unwrap();
    doomed.kill().unwrap();
    doomed.wait().unwrap();
    assert_eq!(port.engine.containers().unwrap(), [left.as_str()]);
    let site = port.site(|_| {}).await;
    until(|| !port.engine.containers().unwrap().contains(&left)).await;
    site.ready("echo").await;
    site.end().await;
    port.assert_empty().await;
}

fn doom(port: &Port) -> Child {
    let archive = port.archive(port.echo());
    let mut command = this_again("docker::kills::an_environment_that_is_to_be_killed");
    let socket = port.engine.socket();
    command.env(
        DOOMED,
        format!("{}:{}", socket.display(), archive.display()),
    );
    command.spawn().unwrap()
}

/// Does nothing unless started by the test above: then it runs until it is killed.
#[tokio::test]
async fn an_environment_that_is_to_be_killed() {
    let Ok(told) = std::env::var(DOOMED) else {
        return;
    };
    let (socket, archive) = told.split_once(':').unwrap();
    let site = start(PathBuf::from(socket), archive).await;
    site.ready("echo").await;
    std::future::pending::<()>().await;
}

async fn start(socket: PathBuf, archive: &str) -> Site {
    use std::sync::Arc;
    use utakata_execution::{config, runtime::Placed};
    use utakata_execution_docker::Docker;

    let folder: TempDir = tempfile::tempdir().unwrap();
    let image = "archive = \"image.tar\"";
    let manifest = super::port::manifest();
    let releases = folder.path().join("releases");
    let release = crate::site::add_image(&releases, "echo", &manifest, image);
    std::fs::copy(archive, release.join("image.tar")).unwrap();
    let docker = config::Docker {
        socket,
        ..config::Docker::default()
    };
    let runtime = Arc::new(Placed::new(Arc::new(Docker::new(docker))));
    Site::start_with(folder, |_| {}, runtime).await
}
