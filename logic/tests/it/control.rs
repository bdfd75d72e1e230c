//! Operations that change something.

use std::{sync::Arc, time::Duration};

use axum::http::StatusCode;
use serde_json::json;
use utakata_model::OutcomeStatus;

use crate::room::{Room, config, target};

#[tokio::test]
async fn an_operation_is_written_down_done_and_told_per_target() {
    let room = Room::served().await;
    room.furnish(3).await;
    let (status, answer) = room
        .post(
            "/v1/operations",
            json!({
                "selector": "rack=A1", "action": "outlet-off", "parameters": { "outlet": 3 },
                "why": "maintenance", "wait": "10s",
            }),
        )
        .await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let operation = &answer["operation"];
    assert_eq!(operation["counts"]["succeeded"], 3, "{answer}");
    assert_eq!(operation["tasks"].as_array().unwrap().len(), 3);
    assert_eq!(operation["why"], "maintenance");
    let id = operation["id"].as_str().unwrap().to_owned();
    let folder = room.end().await;

    let room = Room::at(folder, config()).await;
    let (_, again) = room.get(&format!("/v1/operations/{id}")).await;
    assert_eq!(again["counts"]["succeeded"], 3, "{again}");
    let (_, tasks) = room.get("/v1/tasks?class=control&target=pdu-1").await;
    assert_eq!(tasks["items"][0]["outcome"]["ran_by"]["worker"], "pdu-1");
    let (_, list) = room.get("/v1/operations").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    room.end().await;
}

#[tokio::test]
async fn nothing_is_sent_unless_everything_is_right() {
    let room = Room::served().await;
    room.furnish(2).await;
    let mut bare = target("pdu-bare");
    bare.as_object_mut().unwrap().remove("credential");
    let mut other = target("ups-1");
    other["kind"] = json!("ups");
    let mut far = target("pdu-far");
    far["zone"] = json!("far");
    room.apply(json!([bare, other, far])).await;
    let off = |selector: &str, action: &str, outlet: i32| json!({ "selector": selector, "action": action, "parameters": { "outlet": outlet } });
    for (asked, code, says) in [
        (off("", "outlet-off", 1), "selector-empty", "every target"),
        (
            off("rack=Z9", "outlet-off", 1),
            "selects-nothing",
            "rack=Z9",
        ),
        (
            off("name=pdu-0", "outlet-of", 1),
            "cannot-be-done",
            "did you mean \"outlet-off\"?",
        ),
        (
            off("name=pdu-0", "read", 1),
            "cannot-be-done",
            "only observes",
        ),
        (
            off("name=pdu-0", "outlet-off", 0),
            "cannot-be-done",
            "minimum of 1",
        ),
        (
            off("name=pdu-bare", "outlet-off", 1),
            "cannot-be-done",
            "needs a credential",
        ),
        (
            off("name=ups-1", "outlet-off", 1),
            "cannot-be-done",
            "kind \"ups\"",
        ),
        (
            off("name=pdu-far", "outlet-off", 1),
            "cannot-be-done",
            "zone \"far\"",
        ),
        // One that cannot be done stops all the others.
        (
            off("rack=A1", "outlet-off", 1),
            "cannot-be-done",
            "3 targets",
        ),
    ] {
        let (status, problem) = room.post("/v1/operations", asked.clone()).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{asked}");
        assert_eq!(problem["code"], code, "{asked}: {problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains(says),
            "{asked}: {problem}"
        );
        assert!(!problem["cure"].as_str().unwrap().is_empty());
    }
    let (_, tasks) = room.get("/v1/tasks?class=control").await;
    assert_eq!(tasks["items"].as_array().unwrap().len(), 0);
    assert_eq!(room.tasks.counts().control_waiting, 0);
    room.end().await;
}

#[tokio::test]
async fn a_dry_run_tells_which_release_would_do_it_and_does_nothing() {
    let room = Room::served().await;
    room.furnish(2).await;
    let (status, answer) = room
        .post(
            "/v1/operations",
            json!({
                "selector": "name", "action": "outlet-off", "parameters": { "outlet": 1 },
                "dry_run": true,
            }),
        )
        .await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["plan"]["targets"].as_array().unwrap().len(), 2);
    assert_eq!(answer["plan"]["targets"][0]["release"]["version"], "1.0.0");
    let (_, list) = room.get("/v1/operations").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 0);
    room.end().await;
}

#[tokio::test]
async fn control_that_nobody_answers_is_unknown_and_a_late_outcome_changes_nothing() {
    let mut config = config();
    config.control.lifetime = Duration::from_millis(10);
    config.control.grace = Duration::ZERO;
    let mut room = Room::empty(config).await;
    room.serve("pdu", Arc::new(|_| None)).await;
    room.furnish(1).await;
    let asked = json!({
        "selector": "name=pdu-0", "action": "outlet-off", "parameters": { "outlet": 1 },
        "wait": "10s",
    });
    let (_, answer) = room.post("/v1/operations", asked).await;
    let task = &answer["operation"]["tasks"][0];
    assert_eq!(task["state"], "unknown", "{answer}");
    assert_eq!(task["outcome"]["problem"]["code"], "no-answer");
    let mut late: utakata_model::Outcome = serde_json::from_value(task["outcome"].clone()).unwrap();
    late.status = OutcomeStatus::Succeeded;
    let id = late.task;
    room.publish(late).await;
    let (_, seen) = room.get(&format!("/v1/tasks/{id}")).await;
    assert_eq!(seen["state"], "unknown");
    room.end().await;
}

#[tokio::test]
async fn control_that_was_under_way_at_a_restart_is_unknown_and_never_lost() {
    let mut room = Room::empty(config()).await;
    room.serve("pdu", Arc::new(|_| None)).await;
    room.furnish(2).await;
    let asked = json!({
        "selector": "rack=A1", "action": "outlet-off", "parameters": { "outlet": 1 },
    });
    let (status, answer) = room.post("/v1/operations", asked).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["operation"]["counts"]["queued"], 2, "{answer}");
    let folder = room.end().await;
    let room = Room::at(folder, config()).await;
    let (_, tasks) = room.get("/v1/tasks?state=unknown").await;
    assert_eq!(tasks["items"].as_array().unwrap().len(), 2, "{tasks}");
    assert_eq!(tasks["items"][0]["outcome"]["problem"]["code"], "restarted");
    room.end().await;
}

#[tokio::test]
async fn an_outcome_that_comes_twice_counts_once() {
    let room = Room::scripted(Arc::new(|_| Some((OutcomeStatus::Succeeded, None)))).await;
    room.furnish(1).await;
    let asked = json!({
        "selector": "rack=A1", "action": "outlet-off", "parameters": { "outlet": 1 },
        "wait": "10s",
    });
    let (_, answer) = room.post("/v1/operations", asked).await;
    let outcome = answer["operation"]["tasks"][0]["outcome"].clone();
    let mut doubled: utakata_model::Outcome = serde_json::from_value(outcome).unwrap();
    doubled.status = OutcomeStatus::Failed;
    let task = doubled.task;
    room.publish(doubled).await;
    let (_, seen) = room.get(&format!("/v1/tasks/{task}")).await;
    assert_eq!(seen["state"], "succeeded");
    room.end().await;
}
