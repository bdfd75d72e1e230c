//! Workers that die, hang, lie or flood are noticed and replaced, and nothing is lost.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use utakata_model::{Class, OutcomeStatus, PoolStatus};
use utakata_tests::wait::until;

use crate::site::{Site, add_echo, add_release, assert_ended, echo, pool, set, task};

#[tokio::test]
async fn a_worker_that_is_killed_under_load_is_replaced_and_every_task_has_one_outcome() {
    let mut site = Site::start(|_| {}).await;
    site.ready("echo").await;
    let slow = |n| task(&format!("s{n}"), "echo", json!({ "delay": "200ms" }));
    let mut tasks: Vec<_> = (0..500).map(slow).collect();
    tasks.extend((0..100).map(|n| set(&format!("c{n}"), "200ms")));
    let keys = site.send(tasks).await;
    let first = site
        .send((0..10).map(|n| echo(&format!("e{n}"), "x")).collect())
        .await;
    site.outcomes(&first).await;
    for process in site.processes() {
        kill_process(Pid::from_raw(process).unwrap(), Signal::KILL).unwrap();
    }
    let outcomes = site.outcomes(&keys).await;
    let after = site
        .send((0..1000).map(|n| echo(&format!("e{n}"), "x")).collect())
        .await;
    let after = site.outcomes(&after).await;
    assert!(after.iter().all(|o| o.status == OutcomeStatus::Succeeded));
    let lost = outcomes
        .iter()
        .filter(|o| o.status != OutcomeStatus::Succeeded);
    for outcome in lost.clone() {
        let status = match (outcome.class, outcome.status) {
            (Class::Observe, _) => OutcomeStatus::Failed,
            // On a busy machine it may not have begun all of them.
            (Class::Control, OutcomeStatus::Expired) => OutcomeStatus::Expired,
            (Class::Control, _) => OutcomeStatus::Unknown,
        };
        assert_ended(outcome, status, "worker-lost");
    }
    assert!(lost.count() >= 100);
    for key in &keys {
        assert_eq!(site.outcomes_of(*key).len(), 1);
    }
    assert_eq!(site.ready("echo").await.lost, 1);
    site.end().await;
}

#[tokio::test]
async fn a_worker_that_crashes_takes_its_own_attempts_with_it_and_no_others() {
    let mut site = Site::start(|_| {}).await;
    let outcome = site.ask(task("a", "crash", json!({}))).await;
    assert_ended(&outcome, OutcomeStatus::Failed, "worker-lost");
    let outcome = site.ask(echo("a", "again")).await;
    assert_ended(&outcome, OutcomeStatus::Succeeded, "");
    site.end().await;
}

#[tokio::test]
async fn a_worker_that_hangs_is_noticed_and_replaced() {
    let mut site = Site::start(|config| {
        config.heartbeat = Duration::from_millis(200);
        config.hung_after = Duration::from_millis(1000);
    })
    .await;
    let keys = site
        .send(vec![task("a", "hang", json!({})), set("b", "30s")])
        .await;
    let outcomes = site.outcomes(&keys).await;
    assert_ended(&outcomes[0], OutcomeStatus::Failed, "worker-lost");
    // It could not report ready for that one, so it had no go and has not begun it.
    assert_ended(&outcomes[1], OutcomeStatus::Expired, "worker-lost");
    let outcome = site.ask(echo("a", "again")).await;
    assert_ended(&outcome, OutcomeStatus::Succeeded, "");
    site.end().await;
}

/// Returns the pool of a kind whose workers are faulty.
async fn sick(site: &Site, kind: &str, code: &str) -> PoolStatus {
    let is_sick = |pool: &PoolStatus| pool.problem.as_ref().is_some_and(|p| &*p.code == code);
    let status = site
        .status(|status| pool(status, kind).is_some_and(is_sick))
        .await;
    pool(&status, kind).unwrap().clone()
}

fn bad(kind: &str, program: &str) -> String {
    format!(
        "kind = \"{kind}\"\nversion = \"1\"\nprotocol = 1\n[run]\nprogram = \"{program}\"\n\
         [[action]]\nname = \"read\"\nclass = \"observe\"\n"
    )
}

#[tokio::test]
async fn bad_workers_are_reported_in_their_own_pools_and_the_others_continue() {
    let folder = tempfile::tempdir().unwrap();
    let releases = folder.path().join("releases");
    add_echo(&releases, "echo", |_| {});
    let script =
        |kind: &str, text| add_release(&releases, kind, &bad(kind, "worker.sh"), Some(text));
    script("crash", "echo going down >&2; exit 3");
    script("mute", "sleep 600");
    // A program that does not match its manifest.
    let lie = "sed 's/other/echo/' worker.toml > lie.toml; mkdir -p lie; mv lie.toml lie/worker.toml\n\
               UTAKATA_RELEASE=$PWD/lie exec \"$(cat program)\"";
    let lying = add_echo(&releases, "lying", |manifest| {
        *manifest = manifest
            .replace("kind = \"echo\"", "kind = \"other\"")
            .replace("utakata-worker-echo", "worker.sh");
    });
    let program = crate::site::programs().join("utakata-worker-echo");
    std::fs::write(lying.join("program"), program.to_str().unwrap()).unwrap();
    let manifest = std::fs::read_to_string(lying.join("worker.toml")).unwrap();
    add_release(&releases, "lying", &manifest, Some(lie));
    add_release(&releases, "junk", &bad("junk", "worker.sh"), Some("x"));
    std::fs::write(releases.join("junk/worker.sh"), b"\x7fELF junk").unwrap();

    let mut site = Site::start_in(folder, |config| {
        config.hello_within = Duration::from_secs(3);
    })
    .await;
    let crash = sick(&site, "crash", "worker-crashed").await;
    assert!(
        crash
            .problem
            .unwrap()
            .message
            .contains("ended with exit code 3")
    );
    sick(&site, "mute", "worker-no-hello").await;
    let other = sick(&site, "other", "manifest").await;
    assert!(other.problem.unwrap().message.contains("differ"));
    sick(&site, "junk", "worker-not-started").await;
    let outcome = site.ask(echo("a", "fine")).await;
    assert_ended(&outcome, OutcomeStatus::Succeeded, "");
    site.end().await;
}

#[tokio::test]
async fn an_environment_that_is_dropped_leaves_no_worker() {
    let site = Site::start(|_| {}).await;
    site.ready("echo").await;
    assert_eq!(site.processes().len(), 1);
    let Site { folder, handle, .. } = site;
    drop(handle);
    until("all its workers are gone", async || {
        crate::site::processes(&folder).is_empty()
    })
    .await;
}
