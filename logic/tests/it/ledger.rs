//! The verbs of people for running operations: locks, approvals, pauses, verdicts, explanations.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Value, json};
use utakata_model::OutcomeStatus;

use crate::{
    control::{hasty, off},
    rights::{four_eyes::confirm, make_with},
    room::{Room, TOKEN, config},
};

/// Requests an operation, and returns its id.
async fn requested(room: &Room, more: Value) -> String {
    let (status, answer) = room.post("/v1/operations", off(more)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer["operation"]["id"].as_str().unwrap().to_owned()
}

async fn first_task(room: &Room, operation: &str) -> Value {
    let (_, tasks) = room.get(&format!("/v1/tasks?operation={operation}")).await;
    tasks["items"][0].clone()
}

async fn lock(room: &Room, target: &str, lock: Value) -> (StatusCode, Value) {
    let path = format!("/v1/targets/{target}/lock");
    room.send("PUT", &path, Some(lock)).await
}

#[tokio::test]
async fn a_locked_target_is_left_alone_until_it_is_unlocked_and_emergencies_pass() {
    let room = Room::served().await;
    room.furnish(1).await;
    let why = json!({ "why": "a fan is replaced", "for": "2h" });
    let (status, told) = lock(&room, "pdu-0", why).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    assert_eq!(told["lock"]["by"], "admin", "{told}");
    let id = requested(&room, json!({})).await;
    let task = first_task(&room, &id).await;
    let task_id = task["id"].as_str().unwrap();
    assert_eq!(task["state"], "planned", "{task}");
    let (_, told) = room.get(&format!("/v1/tasks/{task_id}/explain")).await;
    assert_eq!(told["waits_for"], "lock", "{told}");
    assert!(told["says"].as_str().unwrap().contains("a fan is replaced"));
    let (_, target) = room.get("/v1/targets/pdu-0").await;
    assert_eq!(target["control"]["waiting"], 1, "{target}");
    assert_eq!(target["control"]["lock"]["priority"], "routine");
    let (_, locks) = room.get("/v1/locks").await;
    assert_eq!(locks["items"][0]["target"], "pdu-0", "{locks}");

    let urgent = json!({ "priority": "emergency", "wait": "10s" });
    let (_, answer) = room.post("/v1/operations", off(urgent)).await;
    assert_eq!(answer["operation"]["counts"]["succeeded"], 1, "{answer}");
    let unlock = "/v1/targets/pdu-0/lock?why=done";
    let (status, _) = room.send("DELETE", unlock, None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let done = |operation: &Value| operation["counts"]["succeeded"] == 1;
    room.until(&format!("/v1/operations/{id}"), done).await;
    let (status, problem) = room.send("DELETE", unlock, None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(problem.to_string().contains("not locked"), "{problem}");
    room.end().await;
}

#[tokio::test]
async fn a_lock_says_why_and_how_long() {
    let room = Room::served().await;
    room.furnish(1).await;
    for (requested, code) in [
        (json!({ "why": "x" }), "lock-invalid"),
        (json!({ "why": "x", "for": "0s" }), "lock-invalid"),
        (json!({ "why": "x", "for": "1000d" }), "lock-invalid"),
        (
            json!({ "why": "x", "for": "30000000000000000ms" }),
            "lock-invalid",
        ),
        (
            json!({ "why": "x", "until": "2020-01-01T00:00:00Z" }),
            "lock-invalid",
        ),
        (
            json!({ "why": "x", "for": "1h", "until": "2120-01-01T00:00:00Z" }),
            "lock-invalid",
        ),
        (json!({ "why": " ", "for": "1h" }), "body-invalid"),
        (json!({ "for": "1h" }), "body-invalid"),
    ] {
        let (status, problem) = lock(&room, "pdu-0", requested.clone()).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{requested}");
        assert_eq!(problem["code"], code, "{requested}: {problem}");
    }
    let (status, _) = lock(&room, "pdu-9", json!({ "why": "x", "for": "1h" })).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (_, locks) = room.get("/v1/locks").await;
    assert_eq!(locks["items"].as_array().unwrap().len(), 0);
    room.end().await;
}

#[tokio::test]
async fn somebody_else_approves_and_nothing_begins_before() {
    let mut config = config();
    config.control.approval = utakata_logic::config::Approval::Always;
    let mut room = Room::empty(config).await;
    room.serve("pdu", Arc::new(|_| Some((OutcomeStatus::Succeeded, None))))
        .await;
    room.furnish(2).await;
    let sec = make_with(&room, TOKEN, "sec", "security", "").await;
    let ana = make_with(&room, &sec, "ana", "approver", "").await;
    assert_eq!(confirm(&room, TOKEN, "ana").await.0, StatusCode::OK);
    let id = requested(&room, json!({})).await;
    let path = |verb: &str| format!("/v1/operations/{id}/{verb}");
    let (_, told) = room.get(&path("explain")).await;
    assert_eq!(told["waits_for"], "approval", "{told}");
    let (status, problem) = room.post(&path("approve"), json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(problem["code"], "approve-own", "{problem}");
    let why = json!({ "why": "looked at it" });
    let (status, told) = room.post_as(&ana, &path("approve"), why).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    assert_eq!(told["approved"]["by"], "ana", "{told}");
    let over = |operation: &Value| operation["state"] == "done";
    room.until(&format!("/v1/operations/{id}"), over).await;
    let (status, problem) = room.post(&path("cancel"), json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(problem["code"], "operation-over");
    let (_, told) = room.get(&path("explain")).await;
    assert_eq!(told["says"], "it is over: 2 succeeded", "{told}");
    room.end().await;
}

#[tokio::test]
async fn a_paused_operation_begins_nothing_and_what_is_cancelled_never_will() {
    let room = Room::empty(config()).await;
    room.announce(&["pdu"]).await;
    room.furnish(3).await;
    let id = requested(&room, json!({ "pace": { "at_a_time": "1" } })).await;
    let path = |verb: &str| format!("/v1/operations/{id}/{verb}");
    let why = json!({ "why": "lunch" });
    let (_, told) = room.post(&path("pause"), why.clone()).await;
    assert_eq!(told["state"], "paused", "{told}");
    assert_eq!(told["changed"]["why"], "lunch");
    let (_, told) = room.get(&path("explain")).await;
    assert_eq!(told["waits_for"], "resume", "{told}");
    let (status, problem) = room.post(&path("pause"), why.clone()).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(problem["code"], "operation-state", "{problem}");
    let (_, told) = room.post(&path("resume"), why.clone()).await;
    assert_eq!(told["state"], "running");
    let task = first_task(&room, &id).await;
    let cancel = format!("/v1/tasks/{}/cancel", task["id"].as_str().unwrap());
    let (_, told) = room.post(&cancel, why.clone()).await;
    assert_eq!(told["state"], "cancelled", "{told}");
    let (status, problem) = room.post(&cancel, why.clone()).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(problem["code"], "task-ended", "{problem}");
    let (_, told) = room.post(&path("cancel"), why).await;
    assert_eq!(told["state"], "cancelled");
    assert_eq!(told["counts"]["cancelled"], 3, "{told}");
    room.end().await;
}

#[tokio::test]
async fn a_person_settles_what_nobody_else_can_know() {
    let mut room = Room::empty(hasty()).await;
    room.serve("pdu", Arc::new(|_| None)).await;
    room.furnish(1).await;
    let id = requested(&room, json!({ "wait": "20s" })).await;
    let task = first_task(&room, &id).await;
    let path = format!("/v1/tasks/{}", task["id"].as_str().unwrap());
    let (_, told) = room.get(&format!("{path}/explain")).await;
    assert_eq!(told["waits_for"], "person", "{told}");
    let settle = |verdict: &str, why: &str| json!({ "verdict": verdict, "why": why });
    let to = format!("{path}/settle");
    let (status, _) = room.post(&to, settle("succeeded", "")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let (status, told) = room.post(&to, settle("again", "the LED is still on")).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    assert_eq!(told["attempt"], 2, "{told}");
    let (status, problem) = room.post(&to, settle("failed", "too early")).await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
    room.until(&path, |task| task["state"] == "unsettled").await;
    let unsettled = |overview: &Value| overview["control"]["unsettled"].clone();
    let (_, overview) = room.get("/v1/overview").await;
    assert_eq!(unsettled(&overview), 1, "{overview}");
    let (_, told) = room.post(&to, settle("succeeded", "the LED is off")).await;
    let (_, overview) = room.get("/v1/overview").await;
    assert_eq!(unsettled(&overview), 0, "{overview}");
    assert_eq!(told["state"], "succeeded", "{told}");
    let (status, problem) = room.post(&to, settle("failed", "no")).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(problem["code"], "task-ended");
    room.end().await;
}

#[tokio::test]
async fn what_there_is_not_cannot_be_changed_or_explained() {
    let room = Room::served().await;
    let id = "0192f0c1-7b1e-7000-8000-000000000000";
    for (method, path) in [
        ("POST", format!("/v1/operations/{id}/cancel")),
        ("GET", format!("/v1/operations/{id}/explain")),
        ("POST", format!("/v1/tasks/{id}/cancel")),
        ("GET", format!("/v1/tasks/{id}/explain")),
    ] {
        let body = (method == "POST").then(|| json!({}));
        let (status, problem) = room.send(method, &path, body).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}: {problem}");
    }
    room.end().await;
}

#[tokio::test]
async fn reads_are_explained_while_they_wait_and_when_they_have_ended() {
    let room = Room::served().await;
    room.furnish(1).await;
    let read = json!({ "selector": "rack=A1", "wait": "10s" });
    let (_, answer) = room.post("/v1/reads", read).await;
    let task = answer["tasks"][0]["id"].as_str().unwrap();
    let (_, told) = room.get(&format!("/v1/tasks/{task}/explain")).await;
    assert_eq!(told["waits_for"], "ended", "{told}");
    let operation = answer["id"].as_str().unwrap();
    let (_, told) = room
        .get(&format!("/v1/operations/{operation}/explain"))
        .await;
    assert_eq!(told["says"], "it is over: 1 succeeded", "{told}");
    room.end().await;

    let room = Room::empty(config()).await;
    room.announce(&["pdu"]).await;
    room.furnish(1).await;
    let read = json!({ "selector": "rack=A1" });
    let (_, answer) = room.post("/v1/reads", read).await;
    let operation = answer["id"].as_str().unwrap();
    let task = first_task(&room, operation).await;
    let task = task["id"].as_str().unwrap();
    let (_, told) = room.get(&format!("/v1/tasks/{task}/explain")).await;
    assert_eq!(told["waits_for"], "queue", "{told}");
    assert!(told["until"].is_string());
    room.end().await;
}

#[tokio::test]
async fn reads_that_read_a_target_back_are_not_those_of_the_operation() {
    let room = Room::served().await;
    room.furnish(1).await;
    let requested = json!({
        "action": "set-power", "parameters": { "watts": 70 }, "wait": "10s",
    });
    let (_, answer) = room.post("/v1/operations", off(requested)).await;
    let operation = &answer["operation"];
    assert_eq!(operation["counts"]["succeeded"], 1, "{answer}");
    let task = &operation["tasks"][0];
    assert_eq!(task["prior"], 120.0, "{task}");
    let id = operation["id"].as_str().unwrap();
    let (_, tasks) = room.get(&format!("/v1/tasks?operation={id}")).await;
    assert_eq!(tasks["items"].as_array().unwrap().len(), 1, "{tasks}");
    let (_, reads) = room.get("/v1/tasks?class=observe").await;
    let reads = reads["items"].as_array().unwrap();
    assert!(reads.len() >= 2, "before, and afterwards: {reads:?}");
    assert!(reads.iter().all(|one| one["origin"]["task"] == task["id"]));
    room.end().await;
}
