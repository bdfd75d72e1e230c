//! From fetch to outcome with a real worker.

use serde_json::json;
use utakata_interconnect::Event;
use utakata_model::{EnvironmentState, OutcomeStatus, TaskKey};
use utakata_tests::wait::until;

use crate::site::{Site, assert_ended, echo, set, task};

#[tokio::test]
async fn a_task_is_run_by_a_worker_and_its_readings_come_before_its_outcome() {
    let mut site = Site::start(|_| {}).await;
    let outcome = site.ask(task("a", "read", json!({}))).await;
    assert_ended(&outcome, OutcomeStatus::Succeeded, "");
    let ran_by = outcome.ran_by.clone().unwrap();
    assert_eq!(ran_by.release.kind.as_str(), "echo");
    let readings = site.readings_of(outcome.key()).unwrap();
    assert_eq!(readings.readings[0].metric.as_str(), "utakata.echo.count");
    let place = |is_wanted: &dyn Fn(&Event) -> bool| site.seen().iter().position(is_wanted);
    let seen = place(&|event| matches!(event, Event::Readings(_))).unwrap();
    let ended = place(&|event| matches!(event, Event::Outcomes(_))).unwrap();
    assert!(seen < ended);

    let outcome = site.ask(echo("a", "hello")).await;
    assert_eq!(outcome.result.unwrap().get(), "\"hello\"");
    let outcome = site.ask(set("a", "0ms")).await;
    assert_ended(&outcome, OutcomeStatus::Succeeded, "");
    let outcome = site.ask(task("a", "echo", json!({ "fail": "odd" }))).await;
    assert_ended(&outcome, OutcomeStatus::Failed, "odd");
    let outcome = site.ask(task("a", "echo", json!({ "x": 1 }))).await;
    assert_ended(&outcome, OutcomeStatus::Failed, "bad-parameters");
    let seen = site.end().await;
    let states = seen.iter().filter_map(|event| match event {
        Event::Environment(status) => Some(status.state),
        _ => None,
    });
    let states: Vec<_> = states.collect();
    assert_eq!(states.first(), Some(&EnvironmentState::Running));
    assert_eq!(states.last(), Some(&EnvironmentState::Gone));
}

#[tokio::test]
async fn many_tasks_of_many_targets_have_one_outcome_each() {
    let mut site = Site::start(|_| {}).await;
    let tasks = (0..20_000).map(|n| echo(&format!("t{}", n % 2000), "x"));
    let keys: Vec<TaskKey> = site.send(tasks.collect()).await;
    let outcomes = site.outcomes(&keys).await;
    let well = outcomes
        .iter()
        .filter(|o| o.status == OutcomeStatus::Succeeded);
    assert_eq!(well.count(), keys.len());
    assert_eq!(site.count_outcomes(), keys.len());
    site.end().await;
}

#[tokio::test]
async fn a_slow_target_holds_up_its_own_lane_only() {
    let mut site = Site::start(|_| {}).await;
    site.ready("echo").await;
    let slow = task("slow", "echo", json!({ "delay": "2s" }));
    let slow = site.send(vec![slow, echo("slow", "behind")]).await;
    let others = (0..50).map(|n| echo(&format!("t{n}"), "x")).collect();
    let others = site.send(others).await;
    site.outcomes(&others).await;
    assert!(site.outcomes_of(slow[0]).is_empty());
    let outcomes = site.outcomes(&slow).await;
    assert!(outcomes[0].timings.ended <= outcomes[1].timings.ended);
    assert!(outcomes[1].timings.waited.as_millis() >= 1900);
    site.end().await;
}

#[tokio::test]
async fn a_drain_ends_what_was_begun_and_takes_nothing_new() {
    let mut site = Site::start(|_| {}).await;
    site.ready("echo").await;
    let begun = site.send(vec![set("a", "1s")]).await;
    // Once the queue is empty, the worker has it.
    let counts = || site.tasks.counts();
    until("it is begun", async || {
        counts().control_waiting + counts().control_fetched == 0
    })
    .await;
    let handle = site.handle.clone();
    let drained = tokio::spawn(async move { handle.drain(crate::site::PATIENCE).await });
    let outcome = site.outcomes(&begun).await.remove(0);
    assert_ended(&outcome, OutcomeStatus::Succeeded, "");
    assert_eq!(drained.await.unwrap().unwrap().given_up, 0);
    assert_eq!(site.processes(), [0i32; 0]);
    // Nobody fetches any more.
    site.send(vec![set("a", "0ms")]).await;
    assert_eq!(site.tasks.counts().control_waiting, 1);
}

#[tokio::test]
async fn what_does_not_end_by_the_deadline_of_a_drain_is_given_up_and_reported() {
    let mut site = Site::start(|_| {}).await;
    site.ready("echo").await;
    let read = task("b", "echo", json!({ "delay": "30s" }));
    let keys = site.send(vec![set("a", "30s"), read]).await;
    // Once the queue has neither, the worker has both.
    let counts = || site.tasks.counts();
    until("both are begun", async || {
        counts().observe_waiting + counts().control_waiting + counts().control_fetched == 0
    })
    .await;
    let drained = site
        .handle
        .drain(std::time::Duration::from_millis(300))
        .await
        .unwrap();
    let outcomes = site.outcomes(&keys).await;
    assert_ne!(outcomes[0].status, OutcomeStatus::Succeeded);
    assert_ne!(outcomes[1].status, OutcomeStatus::Succeeded);
    assert_eq!(outcomes[0].status, OutcomeStatus::Unknown);
    assert!(drained.given_up <= 2);
    assert_eq!(site.processes(), [0i32; 0]);
}
