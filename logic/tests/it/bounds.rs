//! Limits on every text that people enter, and on lists, in bytes.

use axum::http::StatusCode;
use serde_json::{Value, json};
use utakata_logic::store::{Ledger, OperationProgress, Store, WriteBatch, sqlite::Sqlite};
use utakata_model::Operation;

use crate::{
    control::off,
    room::{Room, config},
    store::conformance,
};

/// A text of that many characters, each of two bytes.
fn long(characters: usize) -> String {
    "\u{fc}".repeat(characters)
}

fn with(mut body: Value, key: &str, text: &str) -> Value {
    body[key] = text.into();
    body
}

#[tokio::test]
async fn a_reason_has_a_bound_wherever_one_is_given() {
    let room = Room::served().await;
    room.furnish(1).await;
    let (status, told) = room.post("/v1/operations", off(json!({}))).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let operation = format!(
        "/v1/operations/{}",
        told["operation"]["id"].as_str().unwrap()
    );
    let (_, tasks) = room.get("/v1/tasks").await;
    let task = format!("/v1/tasks/{}", tasks["items"][0]["id"].as_str().unwrap());
    let kind = json!({ "scope": { "kind": "pdu" } });
    for (method, path, body) in [
        ("POST", "/v1/operations".to_owned(), off(json!({}))),
        ("POST", format!("{operation}/approve"), json!({})),
        ("POST", format!("{operation}/pause"), json!({})),
        ("POST", format!("{operation}/resume"), json!({})),
        ("POST", format!("{operation}/cancel"), json!({})),
        ("POST", format!("{operation}/undo"), json!({})),
        (
            "POST",
            format!("{task}/settle"),
            json!({ "verdict": "again" }),
        ),
        ("POST", format!("{task}/cancel"), json!({})),
        (
            "PUT",
            "/v1/targets/pdu-0/lock".to_owned(),
            json!({ "for": "1h" }),
        ),
        ("POST", "/v1/environments/env-1/pause".to_owned(), json!({})),
        ("POST", "/v1/environments/env-1/drain".to_owned(), json!({})),
        ("POST", "/v1/orders/pause".to_owned(), kind.clone()),
        ("POST", "/v1/orders/drain".to_owned(), kind),
    ] {
        for (why, says) in [
            (long(1001), "longer than 1000 characters"),
            (" ".into(), "empty"),
        ] {
            let body = with(body.clone(), "why", &why);
            let (status, told) = room.send(method, &path, Some(body)).await;
            assert!(status.is_client_error(), "{path}: {told}");
            let detail = told["detail"].to_string();
            assert!(detail.contains(says), "{path}: {told}");
        }
    }
    let path = format!("/v1/targets/pdu-0/lock?why={}", "x".repeat(1001));
    let (status, told) = room.send("DELETE", &path, None).await;
    assert!(status.is_client_error(), "{told}");
    let detail = told["detail"].to_string();
    assert!(detail.contains("longer than 1000"), "{told}");
    // The longest permitted is accepted.
    let requested = off(json!({ "why": long(1000), "key": long(200) }));
    let (status, told) = room.post("/v1/operations", requested).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    assert_eq!(told["operation"]["why"], long(1000));
    room.end().await;
}

#[tokio::test]
async fn a_key_has_a_bound() {
    let room = Room::served().await;
    room.furnish(1).await;
    for key in [long(201), String::new()] {
        let (status, told) = room
            .post("/v1/operations", off(json!({ "key": key })))
            .await;
        assert!(status.is_client_error(), "{told}");
        let detail = told["detail"].to_string();
        assert!(detail.contains("1 to 200 characters"), "{told}");
    }
    let (_, operations) = room.get("/v1/operations").await;
    assert_eq!(operations["items"], json!([]));
    room.end().await;
}

/// A room with that many operations with parameters of that many bytes, all of them over; newest
/// first.
async fn filled(count: usize, bytes: usize) -> (Room, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path().join("store.sqlite3")).await;
    let store = store.unwrap();
    let mut ids = Vec::new();
    for _ in 0..count {
        let operation = Operation {
            parameters: json!({ "text": "x".repeat(bytes) }),
            ..conformance::operation()
        };
        let mut page: WriteBatch = conformance::planned(&operation, &[]);
        page.operation_progress
            .insert(operation.id, OperationProgress::done());
        store.write(&page).await.unwrap();
        ids.push(operation.id.to_string());
    }
    store.close().await;
    drop(store);
    ids.reverse();
    (Room::at(folder, config()).await, ids)
}

#[tokio::test]
async fn a_list_ends_a_page_by_its_bytes_and_loses_nothing() {
    const MAX: usize = 4 << 20;
    // More than two pages by bytes, and less than one by items.
    let (room, ids) = filled(150, 60_000).await;
    let (mut found, mut pages, mut next) = (Vec::new(), 0, None::<String>);
    loop {
        let cursor = next.map_or_else(String::new, |next| format!("&cursor={next}"));
        let path = format!("/v1/operations?limit=1000{cursor}");
        let (status, page) = room.get(&path).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        let items = page["items"].as_array().unwrap();
        assert!(page.to_string().len() < MAX + 10_000, "{}", items.len());
        let ids = items.iter().map(|one| one["id"].as_str().unwrap());
        found.extend(ids.map(str::to_owned));
        pages += 1;
        next = page["next"].as_str().map(str::to_owned);
        if next.is_none() {
            break;
        }
    }
    assert_eq!(found, ids);
    assert_eq!(pages, 3);
    room.end().await;
}
