//! Selectors: a role on some targets shows and allows nothing on others.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{ask, make_with};
use crate::room::{Room, TOKEN};

fn target(name: &str, rack: &str) -> Value {
    json!({
        "type": "target", "name": name, "kind": "pdu", "address": "127.0.0.1",
        "labels": { "rack": rack }, "credential": "pdus",
    })
}

/// A room with the targets `a-1` in rack A1 and `b-1` in rack B1.
pub async fn two_racks() -> Room {
    let room = Room::served().await;
    let documents = json!({ "documents": [
        { "type": "credential", "name": "pdus", "values": { "community": "public" } },
        target("a-1", "A1"), target("b-1", "B1"),
    ] });
    let (status, told) = room.post("/v1/apply", documents).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    room
}

pub fn off(selector: &str) -> Value {
    json!({
        "selector": selector, "action": "outlet-off", "parameters": { "outlet": 1 },
        "wait": "10s",
    })
}

fn names(page: &Value, field: &str) -> Vec<String> {
    let items = page["items"].as_array().unwrap();
    let name = |item: &Value| item.pointer(field).unwrap().as_str().unwrap().to_owned();
    items.iter().map(name).collect()
}

#[tokio::test]
async fn an_operator_of_one_rack_sees_reads_and_controls_that_rack_alone() {
    let room = two_racks().await;
    let ana = make_with(&room, TOKEN, "ana", "operator", "rack=A1").await;
    let get = async |path: &str| ask(&room, &ana, "GET", path, None).await;
    let post = async |path: &str, body: Value| ask(&room, &ana, "POST", path, Some(body)).await;

    let (_, targets) = get("/v1/targets").await;
    assert_eq!(names(&targets, "/name"), ["a-1"], "{targets}");
    assert_eq!(get("/v1/targets/a-1").await.0, StatusCode::OK);
    // What they may not see is not told from what is not there.
    for name in ["b-1", "c-1"] {
        let (status, told) = get(&format!("/v1/targets/{name}")).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{told}");
    }

    let (status, told) = post("/v1/reads", json!({ "selector": "rack=A1", "wait": "10s" })).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let (status, told) = post("/v1/reads", json!({ "selector": "kind=pdu" })).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{told}");
    assert_eq!(told["problems"][0]["subject"], "target b-1", "{told}");
    let (status, told) = room
        .post(
            "/v1/reads",
            json!({ "selector": "kind=pdu", "wait": "10s" }),
        )
        .await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let (_, readings) = get("/v1/readings").await;
    assert!(
        names(&readings, "/target").iter().all(|name| name == "a-1"),
        "{readings}"
    );

    let (status, told) = post("/v1/operations", off("rack=A1")).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    for dry_run in [true, false] {
        let mut both = off("kind=pdu");
        both["dry_run"] = dry_run.into();
        let (status, told) = post("/v1/operations", both).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{told}");
        let problems = told["problems"].as_array().unwrap();
        assert_eq!(problems.len(), 1, "{told}");
        assert_eq!(problems[0]["subject"], "target b-1", "{told}");
    }

    let (status, other) = room.post("/v1/operations", off("rack=B1")).await;
    assert_eq!(status, StatusCode::OK, "{other}");
    let other = other["operation"]["id"].as_str().unwrap();
    let (_, operations) = get("/v1/operations").await;
    assert_eq!(
        operations["items"].as_array().unwrap().len(),
        1,
        "{operations}"
    );
    for path in [
        format!("/v1/operations/{other}"),
        format!("/v1/operations/{other}/explain"),
    ] {
        assert_eq!(get(&path).await.0, StatusCode::FORBIDDEN, "{path}");
    }
    let (status, _) = post(&format!("/v1/operations/{other}/undo"), json!({})).await;
    assert!(!status.is_success());
    let (_, tasks) = get("/v1/tasks").await;
    assert!(
        names(&tasks, "/target").iter().all(|name| name == "a-1"),
        "{tasks}"
    );

    let lock = json!({ "why": "repair", "for": "1h" });
    for (name, expect) in [("a-1", StatusCode::OK), ("b-1", StatusCode::FORBIDDEN)] {
        let path = format!("/v1/targets/{name}/lock");
        let (status, told) = ask(&room, &ana, "PUT", &path, Some(lock.clone())).await;
        assert_eq!(status, expect, "{told}");
    }
    let (status, told) = get("/v1/overview").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(
        told["detail"].as_str().unwrap().contains("on some targets"),
        "{told}"
    );
    room.end().await;
}

#[tokio::test]
async fn the_keeper_of_a_rack_moves_no_target_in_or_out_of_it() {
    let room = two_racks().await;
    let ivo = make_with(&room, TOKEN, "ivo", "inventory", "rack=A1").await;
    let put = async |name: &str, rack: &str| {
        let mut body = target(name, rack);
        body.as_object_mut().unwrap().remove("type");
        let path = format!("/v1/targets/{name}");
        ask(&room, &ivo, "PUT", &path, Some(body)).await.0
    };
    assert_eq!(put("a-2", "A1").await, StatusCode::OK);
    assert_eq!(put("a-2", "B1").await, StatusCode::FORBIDDEN, "out");
    assert_eq!(put("b-1", "A1").await, StatusCode::FORBIDDEN, "in");
    assert_eq!(put("b-2", "B1").await, StatusCode::FORBIDDEN, "elsewhere");
    let both = json!({ "documents": [target("a-3", "A1"), target("b-3", "B1")] });
    let (status, told) = ask(&room, &ivo, "POST", "/v1/apply", Some(both)).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{told}");
    assert_eq!(told["problems"].as_array().unwrap().len(), 1, "{told}");
    assert_eq!(told["problems"][0]["subject"], "target b-3", "{told}");
    let (_, targets) = room.get("/v1/targets").await;
    assert_eq!(names(&targets, "/name"), ["a-1", "a-2", "b-1"]);
    for (path, expect) in [("/v1/targets/b-1", 403), ("/v1/targets/a-2", 204)] {
        let (status, told) = ask(&room, &ivo, "DELETE", path, None).await;
        assert_eq!(status.as_u16(), expect, "{path} {told}");
    }
    room.end().await;
}

#[tokio::test]
async fn a_change_of_roles_counts_at_once() {
    let room = two_racks().await;
    let ana = make_with(&room, TOKEN, "ana", "operator", "").await;
    let (status, told) = ask(&room, &ana, "POST", "/v1/operations", Some(off("rack=A1"))).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let (status, _) = room.send("DELETE", "/v1/bindings/ana-operator", None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, told) = ask(&room, &ana, "POST", "/v1/operations", Some(off("rack=A1"))).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{told}");
    room.end().await;
}
