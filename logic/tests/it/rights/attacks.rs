//! The attacks on trust, by their numbers: each worked before there were roles.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use futures::StreamExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use utakata_logic::config::Approval;

use super::{
    ask,
    four_eyes::confirm,
    give, make, make_with,
    scopes::{off, two_racks},
    trail,
};
use crate::room::{Room, TOKEN, config};

#[tokio::test]
async fn f1_the_token_of_prometheus_reads_metrics_and_nothing_else() {
    let room = two_racks().await;
    let (_, told) = room
        .send("PUT", "/v1/people/prometheus?service=true", None)
        .await;
    let prometheus = told["token"].as_str().unwrap().to_owned();
    assert_eq!(
        give(&room, TOKEN, "prometheus", "metrics", "").await,
        StatusCode::OK
    );
    let text = Request::builder()
        .uri("/v1/metrics")
        .header("authorization", format!("Bearer {prometheus}"))
        .body(Body::empty());
    let answer = room.router.clone().oneshot(text.unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let release = json!({ "manifest": "kind = \"evil\"", "files": [] });
    let target = json!({ "name": "thermo-77", "kind": "pdu", "address": "127.0.0.1:23999", "credential": "pdus" });
    for (method, path, body) in [
        ("POST", "/v1/releases", release),
        ("PUT", "/v1/release-files/00", json!({})),
        ("PUT", "/v1/targets/thermo-77", target),
        ("PUT", "/v1/people/ana", Value::Null),
        ("POST", "/v1/operations", off("rack=A1")),
        ("GET", "/v1/targets", Value::Null),
        ("GET", "/v1/status", Value::Null),
    ] {
        let body = Some(body).filter(|body| !body.is_null());
        let (status, told) = ask(&room, &prometheus, method, path, body).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path} {told}");
    }
    let (_, targets) = room.get("/v1/targets/thermo-77").await;
    assert_eq!(targets["code"], "not-found");
    room.end().await;
}

/// Returns a room where everything needs an approval, with `sec`, who takes care of people, and
/// `bob`, an operator.
pub async fn with_approval() -> (Room, String, String) {
    let mut config = config();
    config.control.approval = Approval::Always;
    let mut room = Room::empty(config).await;
    let script = |_: &utakata_model::Task| Some((utakata_model::OutcomeStatus::Succeeded, None));
    room.serve("pdu", std::sync::Arc::new(script)).await;
    room.furnish(1).await;
    let sec = make_with(&room, TOKEN, "sec", "security", "").await;
    let bob = make_with(&room, &sec, "bob", "operator", "").await;
    (room, sec, bob)
}

/// Requests an operation, and returns the path of its approval.
pub async fn request(room: &Room, token: &str) -> String {
    let mut off = off("rack=A1");
    off["wait"] = "0s".into();
    let (status, told) = ask(room, token, "POST", "/v1/operations", Some(off)).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let id = told["operation"]["id"].as_str().unwrap();
    format!("/v1/operations/{id}/approve")
}

pub async fn approve(room: &Room, token: &str, path: &str) -> (StatusCode, Value) {
    ask(
        room,
        token,
        "POST",
        path,
        Some(json!({ "why": "looked at it" })),
    )
    .await
}

#[tokio::test]
async fn f2_an_operator_makes_no_identity_and_takes_nobody_s_over() {
    let (room, sec, bob) = with_approval().await;
    let ana = make_with(&room, &sec, "ana", "approver", "").await;
    for (method, path) in [
        ("PUT", "/v1/people/carol"),
        ("PUT", "/v1/people/ana"),
        ("PUT", "/v1/people/ana/tokens/mine"),
        ("DELETE", "/v1/people/ana"),
    ] {
        let (status, told) = ask(&room, &bob, method, path, None).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path} {told}");
    }
    assert_eq!(
        give(&room, &bob, "bob", "approver", "").await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        ask(&room, &ana, "GET", "/v1/me", None).await.0,
        StatusCode::OK
    );
    let refused = trail(&room).await;
    let refused = refused
        .iter()
        .filter(|line| line["what"] == "request.refused");
    assert!(refused.count() >= 4);
    room.end().await;
}

#[tokio::test]
async fn f2_nobody_gives_rights_to_themselves() {
    let (room, sec, _) = with_approval().await;
    let path = "/v1/bindings/sec-operator";
    let body = json!({ "who": "sec", "role": "operator" });
    let (status, told) = ask(&room, &sec, "PUT", path, Some(body)).await;
    assert_eq!(status, StatusCode::CONFLICT, "{told}");
    assert_eq!(told["code"], "own-rights");
    // Nor more than they have, by way of somebody whom they make.
    make(&room, &sec, "mallory").await;
    let path = "/v1/bindings/mallory-admin";
    let body = json!({ "who": "mallory", "role": "admin" });
    let (_, told) = ask(&room, &sec, "PUT", path, Some(body)).await;
    assert_eq!(told["code"], "own-rights", "{told}");
    let lines = trail(&room).await;
    let refused = |line: &&Value| line["what"] == "request.refused" && line["by"] == "sec";
    assert!(lines.iter().any(|line| refused(&line)), "{lines:?}");
    room.end().await;
}

#[tokio::test]
async fn f2_an_approver_is_another_person_and_older_than_the_operation() {
    let (room, sec, _) = with_approval().await;
    let ana = make_with(&room, &sec, "ana", "approver", "").await;
    assert_eq!(confirm(&room, TOKEN, "ana").await.0, StatusCode::OK);
    let bob = make_with(&room, TOKEN, "rob", "operator", "").await;
    let first = request(&room, &bob).await;
    // Made after the operation.
    let late = make_with(&room, &sec, "late", "approver", "").await;
    let (status, told) = approve(&room, &late, &first).await;
    assert_eq!(
        (status, told["code"].as_str()),
        (StatusCode::CONFLICT, Some("approve-given"))
    );
    let (_, told) = approve(&room, &bob, &first).await;
    assert_eq!(told["code"], "forbidden");
    let (status, told) = approve(&room, &ana, &first).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    // Somebody who may do everything, and so make people, asks and approves as one of them.
    let root = make_with(&room, TOKEN, "root", "admin", "").await;
    let puppet = make_with(&room, &root, "puppet", "approver", "").await;
    let taken = ask(&room, &root, "PUT", "/v1/people/ana/tokens/copy", None).await;
    let taken = taken.1["token"].as_str().unwrap().to_owned();
    let second = request(&room, &root).await;
    for token in [&puppet, &taken] {
        let (_, told) = approve(&room, token, &second).await;
        assert_eq!(told["code"], "approve-given", "{told}");
    }
    let (status, told) = approve(&room, &ana, &second).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let text = trail(&room).await;
    let text: String = text.iter().map(Value::to_string).collect();
    assert!(text.contains("/v1/people/puppet") && text.contains("tokens/copy"));
    room.end().await;
}

#[tokio::test]
async fn f6_nobody_sends_a_credential_to_an_address_of_their_own_without_the_right_to_use_it() {
    let room = two_racks().await;
    let sam = make_with(&room, TOKEN, "sam", "operator", "").await;
    let body = json!({ "name": "a-1", "kind": "pdu", "address": "10.6.6.6", "credential": "pdus" });
    let (status, told) = ask(&room, &sam, "PUT", "/v1/targets/a-1", Some(body)).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{told}");
    room.end().await;
}

#[tokio::test]
async fn f10_tokens_end_are_listed_and_revoked() {
    let room = Room::empty(config()).await;
    let (status, told) = room
        .send("PUT", "/v1/people/scrape?service=true", None)
        .await;
    assert_eq!(status, StatusCode::OK, "{told}");
    assert!(told["ends"].is_string(), "services' tokens end: {told}");
    let (_, told) = room.send("PUT", "/v1/people/ana?for=1ms", None).await;
    let short = told["token"].as_str().unwrap().to_owned();
    utakata_tests::wait::until("the token has ended", async || {
        let (status, told) = ask(&room, &short, "GET", "/v1/me", None).await;
        status == StatusCode::UNAUTHORIZED && told.to_string().contains("has ended")
    })
    .await;
    let (_, told) = room.send("PUT", "/v1/people/ana/tokens/laptop", None).await;
    let laptop = told["token"].as_str().unwrap().to_owned();
    assert_eq!(
        ask(&room, &laptop, "GET", "/v1/me", None).await.0,
        StatusCode::OK
    );
    let (_, list) = room.get("/v1/tokens").await;
    let found: Vec<String> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{}/{} by {}", one["owner"], one["name"], one["by"]).replace('"', ""))
        .collect();
    assert_eq!(
        found,
        [
            "ana/first by admin",
            "ana/laptop by admin",
            "scrape/first by admin"
        ]
    );
    let path = "/v1/people/ana/tokens/laptop";
    assert_eq!(
        room.send("DELETE", path, None).await.0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        ask(&room, &laptop, "GET", "/v1/me", None).await.0,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        room.send("DELETE", path, None).await.0,
        StatusCode::NOT_FOUND
    );
    room.end().await;
}

#[tokio::test]
async fn f10_the_last_use_of_a_token_is_kept() {
    let room = Room::empty(config()).await;
    let ana = make(&room, TOKEN, "ana").await;
    assert_eq!(
        ask(&room, &ana, "GET", "/v1/me", None).await.0,
        StatusCode::OK
    );
    let room = Room::at(room.end().await, config()).await;
    let (_, list) = room.get("/v1/tokens").await;
    assert!(list["items"][0]["used"].is_string(), "{list}");
    room.end().await;
}

/// Follows the events, and returns whether the stream ends within the patience of a test.
async fn ends(room: &Room, token: &str, act: impl AsyncFnOnce()) -> bool {
    let request = Request::builder()
        .uri("/v1/events")
        .header("authorization", format!("Bearer {token}"))
        .body(Body::empty());
    let answer = room.router.clone().oneshot(request.unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let mut stream = answer.into_body().into_data_stream();
    assert!(stream.next().await.is_some());
    act().await;
    let rest = async { while stream.next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(10), rest)
        .await
        .is_ok()
}

#[tokio::test]
async fn f10_streams_end_with_their_token_and_with_the_right_to_see() {
    let room = two_racks().await;
    let ana = make_with(&room, TOKEN, "ana", "viewer", "").await;
    assert!(
        ends(&room, &ana, async || {
            room.send("DELETE", "/v1/people/ana", None).await;
        })
        .await
    );
    let bo = make_with(&room, TOKEN, "bo", "viewer", "").await;
    assert!(
        ends(&room, &bo, async || {
            room.send("DELETE", "/v1/bindings/bo-viewer", None).await;
        })
        .await
    );
    make_with(&room, TOKEN, "cy", "viewer", "").await;
    let (_, told) = room
        .send("PUT", "/v1/people/cy/tokens/short?for=1s", None)
        .await;
    let short = told["token"].as_str().unwrap();
    assert!(ends(&room, short, async || {}).await);
    room.end().await;
}

#[tokio::test]
async fn f10_wrong_tokens_are_counted_and_told() {
    let room = Room::empty(config()).await;
    for _ in 0..5 {
        let (status, _) = ask(&room, "guess", "GET", "/v1/me", None).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    let (_, told) = room.get("/v1/status").await;
    assert_eq!(told["wrong_tokens"]["count"], 5, "{told}");
    let metrics = Request::builder()
        .uri("/v1/metrics")
        .header("authorization", format!("Bearer {TOKEN}"))
        .body(Body::empty());
    let answer = room.router.clone().oneshot(metrics.unwrap()).await.unwrap();
    let text = axum::body::to_bytes(answer.into_body(), usize::MAX)
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&text);
    assert!(text.contains("utakata_wrong_tokens_total 5"), "{text}");
    room.end().await;
}

#[tokio::test]
async fn f21_a_dry_run_does_not_tell_whether_a_guessed_secret_is_right() {
    let room = two_racks().await;
    let ivo = make_with(&room, TOKEN, "ivo", "inventory", "").await;
    for guess in ["public", "wrong"] {
        let body = json!({ "dry_run": true, "documents": [
            { "type": "credential", "name": "pdus", "values": { "community": guess } },
        ] });
        let (status, told) = ask(&room, &ivo, "POST", "/v1/apply", Some(body)).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{told}");
    }
    room.end().await;
}
