//! People, their tokens, and their names on what they requested.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::{Value, json};
use utakata_logic::store::{
    Ledger as _, OperationProgress, Store as _, WriteBatch, sqlite::Sqlite,
};
use utakata_model::{Operation, OutcomeStatus};

use crate::room::{Room, TOKEN, config};

/// Sends a request with a token.
async fn ask(
    room: &Room,
    token: &str,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> (StatusCode, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json");
    let body = body.map_or(Body::empty(), |body| Body::from(body.to_string()));
    room.answer(request.body(body).unwrap()).await
}

async fn token_of(room: &Room, name: &str) -> String {
    let (status, told) = room.send("PUT", &format!("/v1/people/{name}"), None).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    assert_eq!(told["name"], name);
    let operator = json!({ "who": name, "role": "operator" });
    let path = format!("/v1/bindings/{name}-operator");
    let (status, given) = room.send("PUT", &path, Some(operator)).await;
    assert_eq!(status, StatusCode::OK, "{given}");
    told["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_request_has_the_name_of_who_asked() {
    let room = Room::served().await;
    room.furnish(1).await;
    let ana = token_of(&room, "ana").await;
    let off = json!({
        "selector": "rack=A1", "action": "outlet-off", "parameters": { "outlet": 1 }, "wait": "10s",
    });
    for (token, name) in [(ana.as_str(), "ana"), (TOKEN, "admin")] {
        let (status, told) = ask(&room, token, "POST", "/v1/operations", Some(off.clone())).await;
        assert_eq!(status, StatusCode::OK, "{told}");
        assert_eq!(told["operation"]["by"], name);
        let read = json!({ "selector": "rack=A1" });
        let (_, told) = ask(&room, token, "POST", "/v1/reads", Some(read)).await;
        assert_eq!(told["by"], name, "{told}");
    }
    let (_, list) = room.get("/v1/operations").await;
    let names: Vec<&Value> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["by"])
        .collect();
    assert_eq!(names, ["admin", "ana"], "{list}");
    room.end().await;
}

#[tokio::test]
async fn nobody_says_in_whose_name_they_ask() {
    let room = Room::served().await;
    room.furnish(1).await;
    let forged = json!({
        "selector": "rack=A1", "action": "outlet-off", "parameters": { "outlet": 1 }, "by": "ana",
    });
    let (status, _) = room.post("/v1/operations", forged).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    room.end().await;
}

#[tokio::test]
async fn a_token_is_good_until_it_is_replaced_or_ended_and_after_a_restart() {
    let room = Room::empty(config()).await;
    let status = async |room: &Room, token: &str| {
        let (status, told) = ask(room, token, "GET", "/v1/status", None).await;
        assert!(
            status == StatusCode::OK || told["code"] == "unauthorized",
            "{told}"
        );
        status == StatusCode::OK
    };
    let first = token_of(&room, "ana").await;
    let bo = token_of(&room, "bo").await;
    assert!(status(&room, &first).await && status(&room, &bo).await);
    let second = token_of(&room, "ana").await;
    assert!(!status(&room, &first).await && status(&room, &second).await);

    let room = Room::at(room.end().await, config()).await;
    assert!(!status(&room, &first).await && status(&room, &second).await);
    assert!(
        status(&room, TOKEN).await,
        "that of the file is as good as before"
    );
    let (ended, _) = room.send("DELETE", "/v1/people/ana", None).await;
    assert_eq!(ended, StatusCode::NO_CONTENT);
    assert!(!status(&room, &second).await && status(&room, &bo).await);

    let room = Room::at(room.end().await, config()).await;
    assert!(!status(&room, &second).await && status(&room, &bo).await);
    for nobody in ["", "x", &"0".repeat(64)] {
        assert!(!status(&room, nobody).await, "{nobody:?}");
    }
    room.end().await;
}

#[tokio::test]
async fn people_are_listed_without_their_tokens() {
    let room = Room::empty(config()).await;
    let tokens = [token_of(&room, "zoe").await, token_of(&room, "ada").await];
    let (_, list) = room.get("/v1/people").await;
    let names: Vec<&str> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["ada", "admin", "zoe"]);
    assert!(list["items"][0]["made"].is_string() && list["items"][1]["made"].is_null());
    let (_, page) = room.get("/v1/people?limit=1").await;
    assert_eq!(page["next"], "ada", "{page}");
    let text = list.to_string();
    assert!(tokens.iter().all(|token| !text.contains(token)), "{text}");
    // The store does not have it either: only its hash.
    let folder = room.end().await;
    let store = std::fs::read(folder.path().join("store.sqlite3")).unwrap();
    for token in tokens {
        assert!(
            !store
                .windows(token.len())
                .any(|part| part == token.as_bytes())
        );
    }
}

#[tokio::test]
async fn admin_cannot_be_removed_and_an_unknown_person_is_reported_with_the_nearest_name() {
    let room = Room::empty(config()).await;
    token_of(&room, "ana").await;
    for (method, path, code, says) in [
        ("PUT", "/v1/people/admin", "person-admin", "token file"),
        ("DELETE", "/v1/people/admin", "person-admin", "token file"),
        (
            "DELETE",
            "/v1/people/anna",
            "not-found",
            "did you mean \"ana\"?",
        ),
        ("PUT", "/v1/people/a%20b", "name-invalid", "position 2"),
    ] {
        let (_, problem) = room.send(method, path, None).await;
        assert_eq!(problem["code"], code, "{method} {path}: {problem}");
        assert!(
            problem.to_string().replace("\\\"", "\"").contains(says),
            "{problem}"
        );
    }
    let request = Request::builder()
        .method("PUT")
        .uri("/v1/people/bo")
        .header("authorization", format!("Bearer {TOKEN}"));
    let answer = request.body(Body::empty()).unwrap();
    let answer = tower::ServiceExt::oneshot(room.router.clone(), answer)
        .await
        .unwrap();
    assert_eq!(answer.headers()["cache-control"], "no-store");
    room.end().await;
}

#[tokio::test]
async fn the_newest_is_the_one_that_was_asked_last_whatever_clocks_did() {
    let folder = tempfile::tempdir().unwrap();
    // Written in 2036, by a clock that has been corrected since.
    let future: Operation = serde_json::from_value(json!({
        "id": "01e83a9a-7000-7000-8000-000000000000", "selector": "rack=A1",
        "action": "outlet-off", "class": "control", "parameters": { "outlet": 1 },
        "requested": "2036-06-01T00:00:00Z", "by": "admin",
    }))
    .unwrap();
    let store = Sqlite::open(folder.path().join("store.sqlite3"))
        .await
        .unwrap();
    let page = WriteBatch {
        operation_progress: [(future.id, OperationProgress::done())].into(),
        operations: vec![(future, None)],
        ..WriteBatch::default()
    };
    store.write(&page).await.unwrap();
    store.close().await;
    drop(store);
    let mut room = Room::at(folder, config()).await;
    room.serve("pdu", Arc::new(|_| Some((OutcomeStatus::Succeeded, None))))
        .await;
    room.furnish(1).await;
    let off = json!({
        "selector": "rack=A1", "action": "outlet-off", "parameters": { "outlet": 2 }, "wait": "10s",
    });
    let (status, told) = room.send("POST", "/v1/operations", Some(off)).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let (_, list) = room.get("/v1/operations").await;
    assert_eq!(list["items"][0]["id"], told["operation"]["id"], "{list}");
    room.end().await;
}

#[tokio::test]
async fn what_was_refused_last_is_known_of_each_person_and_sorts_among_operations() {
    let room = Room::served().await;
    room.furnish(1).await;
    let ana = token_of(&room, "ana").await;
    let (_, me) = ask(&room, &ana, "GET", "/v1/me", None).await;
    assert_eq!(me["name"], "ana", "{me}");
    assert!(me["refused"].is_null(), "{me}");
    let control = async |outlet: Value| {
        let off = json!({
            "selector": "rack=A1", "action": "outlet-off", "parameters": { "outlet": outlet },
            "wait": "10s",
        });
        ask(&room, &ana, "POST", "/v1/operations", Some(off)).await
    };
    let id = |told: &Value| told["operation"]["id"].as_str().unwrap().to_owned();
    let (_, before) = control(json!(1)).await;
    let (status, refused) = control(json!("nine")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{refused}");
    let (_, after) = control(json!(2)).await;
    let (_, me) = ask(&room, &ana, "GET", "/v1/me", None).await;
    let refused = me["refused"]["id"].as_str().unwrap();
    assert_eq!(me["refused"]["what"], "outlet-off on rack=A1", "{me}");
    assert!(*id(&before) < *refused && *refused < *id(&after), "{me}");
    let (_, admin) = ask(&room, TOKEN, "GET", "/v1/me", None).await;
    assert_eq!(admin["name"], "admin");
    assert!(
        admin["refused"].is_null() && admin["token"].is_null(),
        "{admin}"
    );
    room.end().await;
}
