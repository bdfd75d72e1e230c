//! Discovery: from addresses to proposals, and what people decide about them.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Value, json};
use utakata_model::OutcomeStatus;

use crate::room::{Room, config};

/// A room in which two kinds can be discovered.
async fn room() -> Room {
    let mut room = Room::empty(config()).await;
    for kind in ["board", "bmc"] {
        room.serve(kind, Arc::new(|_| Some((OutcomeStatus::Succeeded, None))))
            .await;
    }
    room.announce(&["board", "bmc"]).await;
    let lab = json!({ "type": "credential", "name": "lab", "values": { "community": "x" } });
    room.apply(json!([lab])).await;
    room
}

fn place(room: &Room, kind: &str, address: &str, thing: Value) {
    let key = (kind.to_owned(), address.to_owned());
    room.around.lock().insert(key, thing);
}

fn remove(room: &Room, kind: &str, address: &str) {
    let key = (kind.to_owned(), address.to_owned());
    room.around.lock().remove(&key);
}

/// Asks a network, and returns the discovery when it has ended.
async fn discover(room: &Room, request: Value) -> Value {
    let (status, begun) = room.post("/v1/discoveries", request).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{begun}");
    let path = format!("/v1/discoveries/{}", begun["id"].as_str().unwrap());
    room.until(&path, |view| view["state"] == "done").await
}

/// The proposals, each as its state, its name and its ways in.
async fn proposals(room: &Room) -> (Vec<String>, Vec<Value>) {
    let (_, page) = room.get("/v1/proposals").await;
    let mut items = page["items"].as_array().unwrap().clone();
    items.sort_by_key(|one| [&one["name"], &one["state"]].map(ToString::to_string));
    let shown = items.iter().map(|one| {
        let ways = one["ways"].as_array().unwrap().iter();
        let ways: Vec<&str> = ways.map(|way| way["kind"].as_str().unwrap()).collect();
        let (state, name) = (&one["state"], &one["name"]);
        format!(
            "{} {} {}",
            state.as_str().unwrap(),
            name.as_str().unwrap(),
            ways.join("+")
        )
    });
    (shown.collect(), items)
}

async fn accept(room: &Room, proposal: &Value, body: Value) -> (StatusCode, Value) {
    let path = format!("/v1/proposals/{}/accept", proposal["id"].as_str().unwrap());
    room.post(&path, body).await
}

#[tokio::test]
async fn what_answers_is_proposed_and_becomes_a_target_when_somebody_accepts_it() {
    let room = room().await;
    let uuid = "uuid:4c4c4544-0032-4b10-8053-b7c04f4c4d32";
    let thing = json!({ "address": "", "identifiers": [uuid], "name": "DB-1.example.com" });
    place(&room, "board", "10.0.3.7", thing.clone());
    place(&room, "bmc", "10.0.3.8", thing);
    place(
        &room,
        "bmc",
        "10.0.3.9",
        json!({ "address": "", "vendor": "Example" }),
    );

    let ended = discover(&room, json!({ "addresses": "10.0.3.0/24" })).await;
    assert_eq!(ended["addresses"], 254, "{ended}");
    for kind in ended["kinds"].as_array().unwrap() {
        assert_eq!(kind["asked"], 254, "{kind}");
        assert_eq!(kind["problem"], Value::Null, "{kind}");
    }
    let (shown, found) = proposals(&room).await;
    assert_eq!(shown, ["new bmc-10-0-3-9 bmc", "new db-1 board+bmc"]);
    assert_eq!(found[1]["identifiers"], json!([uuid]));
    // Nothing was added, and nothing was observed.
    assert_eq!(room.get("/v1/targets").await.1["items"], json!([]));

    let body = json!({ "kind": "board", "labels": { "rack": "A1" }, "credential": "lab" });
    let (status, told) = accept(&room, &found[1], body).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let (_, target) = room.get("/v1/targets/db-1").await;
    assert_eq!(target["address"], "10.0.3.7", "{target}");
    assert_eq!(target["labels"]["rack"], "A1", "{target}");
    let (shown, found) = proposals(&room).await;
    assert_eq!(shown, ["new bmc-10-0-3-9 bmc", "known db-1 board+bmc"]);
    let (status, told) = accept(&room, &found[1], json!({})).await;
    assert_eq!(
        (status, &told["code"]),
        (StatusCode::CONFLICT, &json!("proposal-closed"))
    );
    // The other way in to it is a target of its own, under its own name.
    let body = json!({ "kind": "bmc", "name": "db-1-bmc" });
    let (status, told) = accept(&room, &found[1], body).await;
    assert_eq!(status, StatusCode::OK, "{told}");

    let path = format!("/v1/proposals/{}/dismiss", found[0]["id"].as_str().unwrap());
    let (status, told) = room.post(&path, json!({})).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    assert_eq!(told["dismissed_by"], "admin", "{told}");
    discover(&room, json!({ "addresses": "10.0.3.9" })).await;
    let (shown, _) = proposals(&room).await;
    assert_eq!(shown[0], "dismissed bmc-10-0-3-9 bmc");

    let (_, trail) = room.get("/v1/audit").await;
    let trail = trail.to_string();
    for line in ["POST /v1/discoveries", "/accept", "target db-1", "/dismiss"] {
        assert!(trail.contains(line), "{line}: {trail}");
    }
    room.end().await;
}

#[tokio::test]
async fn what_has_moved_or_was_replaced_is_told_and_changes_nothing_by_itself() {
    let room = room().await;
    let thing =
        |serial: &str| json!({ "address": "", "identifiers": [format!("serial:{serial}")] });
    place(&room, "board", "10.0.3.7", thing("a"));
    place(&room, "board", "10.0.3.8", thing("b"));
    discover(&room, json!({ "addresses": "10.0.3.0/28" })).await;
    let (_, found) = proposals(&room).await;
    for (proposal, name) in found.iter().zip(["one", "other"]) {
        let (status, told) = accept(&room, proposal, json!({ "name": name })).await;
        assert_eq!(status, StatusCode::OK, "{told}");
    }
    // One is moved, and something else is put into the place of the other.
    remove(&room, "board", "10.0.3.7");
    place(&room, "board", "10.0.3.9", thing("a"));
    place(&room, "board", "10.0.3.8", thing("c"));
    discover(&room, json!({ "addresses": "10.0.3.0/28" })).await;
    let (shown, found) = proposals(&room).await;
    assert_eq!(
        shown,
        ["known one board", "moved one board", "replaced other board"]
    );
    let address = async |name: &str| {
        let (_, target) = room.get(&format!("/v1/targets/{name}")).await;
        target["address"].as_str().unwrap().to_owned()
    };
    assert_eq!(address("one").await, "10.0.3.7");
    assert_eq!(found[1]["was"], "10.0.3.7");
    assert_eq!(found[2]["was"], "serial:b");
    for proposal in &found[1..] {
        let (status, told) = accept(&room, proposal, json!({})).await;
        assert_eq!(status, StatusCode::OK, "{told}");
    }
    assert_eq!(address("one").await, "10.0.3.9");
    assert_eq!(address("other").await, "10.0.3.8");
    let (shown, _) = proposals(&room).await;
    assert_eq!(shown, ["known one board", "known other board"]);
    // What was found survives a restart; what was under way does not.
    let folder = room.end().await;
    let room = Room::at(folder, config()).await;
    let (shown, _) = proposals(&room).await;
    assert_eq!(shown, ["known one board", "known other board"]);
    assert_eq!(room.get("/v1/discoveries").await.1["items"], json!([]));
    room.end().await;
}

#[tokio::test]
async fn a_request_that_would_harm_or_make_no_sense_is_refused() {
    let room = room().await;
    for (request, says) in [
        (json!({ "addresses": "10.0.0.0/8" }), "too large a network"),
        (json!({ "addresses": "bmc-1" }), "no IP address: write"),
        (
            json!({ "addresses": "10.0.3.7,board" }),
            "discover ADDRESSES --kind board",
        ),
        (
            json!({ "addresses": "boards" }),
            "discover ADDRESSES --kind board",
        ),
        (
            json!({ "addresses": "10.0.3.7", "kinds": ["boards"] }),
            "did you mean",
        ),
        (json!({ "addresses": "10.0.3.7", "kinds": ["pdu"] }), "pdu"),
        (
            json!({ "addresses": "10.0.3.7", "port": 8443 }),
            "name the kind",
        ),
        (
            json!({ "addresses": "10.0.3.7", "per_second": 1000 }),
            "1 to 10",
        ),
        (
            json!({ "addresses": "10.0.3.7", "credential": "lap" }),
            "lab",
        ),
        (json!({ "addresses": "10.0.3.7", "zone": "far" }), "far"),
    ] {
        let (status, told) = room.post("/v1/discoveries", request.clone()).await;
        assert!(status.is_client_error(), "{request} {told}");
        assert!(told.to_string().contains(says), "{request}: {told}");
    }
    let (status, told) = room.post("/v1/proposals/nothing/accept", json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{told}");
    // Nobody asks addresses but by a discovery.
    let board = json!({ "type": "target", "name": "b", "kind": "board", "address": "10.0.3.7",
        "credential": "lab" });
    room.apply(json!([board])).await;
    let read = json!({ "selector": "name=b", "action": "discover",
        "parameters": { "addresses": ["10.0.3.9"] } });
    let (status, told) = room.post("/v1/reads", read).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{told}");
    assert!(told.to_string().contains("no action"), "{told}");
    room.end().await;
}

#[tokio::test]
async fn one_discovery_runs_in_a_zone_at_a_time_and_can_be_cancelled() {
    let mut room = Room::empty(config()).await;
    // Its worker never answers.
    room.serve("board", Arc::new(|_| None)).await;
    let request = json!({ "addresses": "10.0.3.0/24" });
    let (status, begun) = room.post("/v1/discoveries", request.clone()).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{begun}");
    let (status, told) = room.post("/v1/discoveries", request.clone()).await;
    assert_eq!(
        (status, &told["code"]),
        (StatusCode::CONFLICT, &json!("discovery-runs"))
    );
    assert!(
        told["detail"]
            .as_str()
            .unwrap()
            .contains(begun["id"].as_str().unwrap())
    );
    let path = format!("/v1/discoveries/{}", begun["id"].as_str().unwrap());
    let (status, told) = room.send("POST", &format!("{path}/cancel"), None).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    assert_eq!(
        told["state"], "running",
        "what is asked still answers: {told}"
    );
    room.end().await;
}
