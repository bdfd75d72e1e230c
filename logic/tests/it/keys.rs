//! Requests repeated under the same key.

use std::collections::HashSet;

use axum::http::StatusCode;
use serde_json::json;

use crate::{
    control::off,
    room::{Room, config},
};

#[tokio::test]
async fn a_request_repeated_under_its_key_is_done_once() {
    let room = Room::served().await;
    room.furnish(1).await;
    let requested = off(json!({ "key": "ticket-7", "wait": "10s" }));
    let (_, first) = room.post("/v1/operations", requested.clone()).await;
    let (_, again) = room.post("/v1/operations", requested).await;
    assert_eq!(first["operation"]["id"], again["operation"]["id"]);
    let (_, tasks) = room.get("/v1/tasks?class=control").await;
    assert_eq!(tasks["items"].as_array().unwrap().len(), 1);
    let other = off(json!({ "key": "ticket-7", "parameters": { "outlet": 2 } }));
    let (status, problem) = room.post("/v1/operations", other).await;
    assert_eq!(status, StatusCode::CONFLICT, "{problem}");
    assert_eq!(problem["code"], "key-taken");
    room.end().await;
}

#[tokio::test]
async fn what_is_asked_at_once_under_one_key_is_done_once_and_others_are_not_held_up() {
    let room = Room::served().await;
    room.furnish(1).await;
    let ask = async |key: String| {
        let requested = off(json!({ "key": key, "wait": "10s" }));
        let (status, answer) = room.post("/v1/operations", requested).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer["operation"]["id"].to_string()
    };
    let keys = (0..40).map(|n| match n % 2 {
        0 => "ticket-7".into(),
        _ => format!("other-{n}"),
    });
    let ids = futures::future::join_all(keys.map(&ask)).await;
    let same: HashSet<&String> = ids.iter().step_by(2).collect();
    let others: HashSet<&String> = ids.iter().skip(1).step_by(2).collect();
    assert_eq!((same.len(), others.len()), (1, 20));
    let (_, tasks) = room.get("/v1/tasks?class=control").await;
    assert_eq!(tasks["items"].as_array().unwrap().len(), 21);
    room.end().await;
}

/// An operation waits for its locked target; a repeated request that waits for the end is answered
/// when the lock has gone.
async fn waits_for_the_end(room: &Room) {
    let again = async {
        let requested = off(json!({ "key": "ticket-7", "wait": "60s" }));
        let (status, answer) = room.post("/v1/operations", requested).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert_eq!(answer["operation"]["is_known"], true, "{answer}");
        answer
    };
    let unlock = async {
        // Until then it has been requested, and answered for callers that do not wait.
        for _ in 0..20 {
            room.get("/v1/targets/pdu-0").await;
        }
        let path = "/v1/targets/pdu-0/lock?why=done";
        let (status, told) = room.send("DELETE", path, None).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{told}");
    };
    let (answer, ()) = tokio::join!(again, unlock);
    assert_eq!(answer["operation"]["counts"]["succeeded"], 1, "{answer}");
    let tasks = answer["operation"]["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 1, "{answer}");
    assert_eq!(tasks[0]["state"], "succeeded", "{answer}");
}

/// Requests an operation on a locked target.
async fn held_up(room: &Room) {
    let why = json!({ "why": "a fan is replaced", "for": "2h" });
    let (status, told) = room.send("PUT", "/v1/targets/pdu-0/lock", Some(why)).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let requested = off(json!({ "key": "ticket-7" }));
    let (status, answer) = room.post("/v1/operations", requested).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["operation"]["counts"]["succeeded"], 0, "{answer}");
}

#[tokio::test]
async fn what_is_asked_again_under_its_key_is_waited_for_like_the_first_time() {
    let room = Room::served().await;
    room.furnish(1).await;
    held_up(&room).await;
    waits_for_the_end(&room).await;
    // It is over: there is nothing to wait for.
    let requested = off(json!({ "key": "ticket-7", "wait": "60s" }));
    let (_, answer) = room.post("/v1/operations", requested).await;
    assert_eq!(answer["operation"]["counts"]["succeeded"], 1, "{answer}");
    room.end().await;
}

#[tokio::test]
async fn what_was_asked_before_a_restart_is_waited_for_after_it() {
    let room = Room::served().await;
    room.furnish(1).await;
    held_up(&room).await;
    let folder = room.end().await;
    let mut room = Room::at(folder, config()).await;
    let script = std::sync::Arc::new(|_: &_| Some((utakata_model::OutcomeStatus::Succeeded, None)));
    room.serve("pdu", script).await;
    waits_for_the_end(&room).await;
    room.end().await;
}
