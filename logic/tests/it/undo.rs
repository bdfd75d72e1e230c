//! Operations that undo others.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::{
    control::off,
    room::{Room, config},
};

async fn set(room: &Room, selector: &str, watts: f64) -> String {
    let requested = json!({
        "selector": selector, "action": "set-power", "parameters": { "watts": watts },
        "wait": "20s",
    });
    let (status, answer) = room.post("/v1/operations", requested).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["operation"]["state"], "done", "{answer}");
    answer["operation"]["id"].as_str().unwrap().to_owned()
}

async fn power(room: &Room, target: &str) -> Value {
    let read = json!({ "selector": format!("name={target}"), "wait": "10s" });
    let (_, answer) = room.post("/v1/reads", read).await;
    answer["tasks"][0]["readings"][0]["value"].clone()
}

async fn undo(room: &Room, id: &str, how: Value) -> (StatusCode, Value) {
    room.post(&format!("/v1/operations/{id}/undo"), how).await
}

/// Waits until everything that undoes something has ended; returns the ids.
async fn ended(room: &Room, answer: &Value) -> Vec<String> {
    let mut ids = Vec::new();
    for operation in answer["undone"]["operations"].as_array().unwrap() {
        let id = operation["id"].as_str().unwrap().to_owned();
        let path = format!("/v1/operations/{id}");
        room.until(&path, |one| one["state"] == "done").await;
        ids.push(id);
    }
    ids
}

#[tokio::test]
async fn what_was_changed_goes_back_to_what_was_there_and_forth_again() {
    let room = Room::served().await;
    room.furnish(3).await;
    set(&room, "name=pdu-0", 90.0).await;
    set(&room, "name=pdu-2", 70.0).await;
    // From 90, 120 and 70: the last one is right already.
    let id = set(&room, "rack=A1", 70.0).await;
    let (status, answer) = undo(&room, &id, json!({ "dry_run": true })).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let plan = &answer["plan"];
    let steps = plan["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 2, "{plan:#}");
    assert_eq!(steps[0]["targets"][0]["today"], 70.0);
    assert_eq!(plan["left_out"][0]["target"], "pdu-2");
    let why = plan["left_out"][0]["why"].as_str().unwrap();
    assert!(why.contains("it changed nothing"), "{why}");
    let (_, untouched) = room.get("/v1/operations").await;
    assert_eq!(untouched["items"].as_array().unwrap().len(), 3);

    let how = json!({ "plan": plan["token"], "why": "it was too cold" });
    let (status, answer) = undo(&room, &id, how.clone()).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let back = ended(&room, &answer).await;
    assert_eq!(power(&room, "pdu-0").await, 90.0);
    assert_eq!(power(&room, "pdu-1").await, 120.0);
    assert_eq!(power(&room, "pdu-2").await, 70.0);
    let (_, undone) = room.get(&format!("/v1/operations/{id}")).await;
    assert_eq!(undone["undone_by"], json!(back), "{undone}");
    let (_, one) = room.get(&format!("/v1/operations/{}", back[0])).await;
    assert_eq!(one["undoes"], json!(id));
    assert_eq!(
        (&one["by"], &one["why"]),
        (&json!("admin"), &json!("it was too cold"))
    );
    // The plan was made for other values than the current ones.
    let (status, problem) = undo(&room, &id, how).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(problem["code"], "plan-changed", "{problem}");

    let (status, answer) = undo(&room, &back[0], json!({})).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    ended(&room, &answer).await;
    let now = [power(&room, "pdu-0").await, power(&room, "pdu-1").await];
    assert_eq!(
        now.iter().filter(|watts| **watts == 70.0).count(),
        1,
        "{now:?}"
    );
    let (_, report) = room.get("/v1/audit/verify").await;
    assert_eq!(report["whole"], true, "{report:#}");
    let folder = room.end().await;
    let room = Room::at(folder, config()).await;
    let (_, undone) = room.get(&format!("/v1/operations/{id}")).await;
    assert_eq!(undone["undone_by"], json!(back), "{undone}");
    room.end().await;
}

#[tokio::test]
async fn what_cannot_be_undone_is_reported_for_each_target() {
    let room = Room::served().await;
    room.furnish(2).await;
    let (_, answer) = room
        .post("/v1/operations", off(json!({ "wait": "10s" })))
        .await;
    let id = answer["operation"]["id"].as_str().unwrap();
    let (status, problem) = undo(&room, id, json!({})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["code"], "nothing-to-undo", "{problem}");
    assert_eq!(problem["problems"].as_array().unwrap().len(), 2);
    assert!(
        problem.to_string().contains("does not declare how"),
        "{problem}"
    );
    let (status, answer) = undo(&room, id, json!({ "dry_run": true })).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["plan"]["steps"], json!([]), "{answer}");

    let id = set(&room, "rack=A1", 70.0).await;
    room.send("DELETE", "/v1/targets/pdu-0", None).await;
    let (status, problem) = undo(&room, &id, json!({ "expect": 2 })).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["code"], "other-targets", "{problem}");
    let (_, answer) = undo(&room, &id, json!({ "expect": 1 })).await;
    ended(&room, &answer).await;
    assert_eq!(answer["undone"]["left_out"][0]["why"], "it was deleted");
    let none = "0192f0c1-7b1e-7000-8000-000000000000";
    let (status, _) = undo(&room, none, json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    room.end().await;
}
