//! Four eyes: what one person can do who takes care of people, and what they cannot.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{
    ask,
    attacks::{approve, request, with_approval},
    give, make, make_with,
};
use crate::room::{Room, TOKEN};

pub async fn confirm(room: &Room, by: &str, who: &str) -> (StatusCode, Value) {
    let path = format!("/v1/people/{who}/tokens/first/confirm");
    ask(room, by, "POST", &path, None).await
}

async fn refused(room: &Room, token: &str, path: &str, why: &str) {
    let (status, told) = approve(room, token, path).await;
    let code = told["code"].as_str();
    assert_eq!(
        (status, code),
        (StatusCode::CONFLICT, Some("approve-given")),
        "{told}"
    );
    assert!(told["detail"].as_str().unwrap().contains(why), "{told}");
}

/// One person who takes care of people makes both, and so holds both tokens: until somebody else has
/// said that one of them is a person.
#[tokio::test]
async fn whoever_made_both_tokens_is_not_two_people() {
    let (room, sec, bob) = with_approval().await;
    let ana = make_with(&room, &sec, "ana", "approver", "").await;
    let path = request(&room, &bob).await;
    let why = "the token of ana was made by sec, and nobody else has confirmed";
    refused(&room, &ana, &path, why).await;

    // What sec says of them is nothing new, nor what somebody says whom sec has made.
    let max = make_with(&room, &sec, "max", "security", "").await;
    for by in [&sec, &max] {
        let (status, told) = confirm(&room, by, "ana").await;
        assert_eq!(status, StatusCode::CONFLICT, "{told}");
        assert_eq!(told["code"], "own-rights", "{told}");
    }
    refused(&room, &ana, &path, why).await;

    let kim = make_with(&room, TOKEN, "kim", "security", "").await;
    let (status, told) = confirm(&room, &kim, "ana").await;
    assert_eq!(status, StatusCode::OK, "{told}");
    assert_eq!(told["confirmed"], "kim");
    // Sec can still be bob, and has given ana the right.
    let why = "the right of ana was given by sec, who could have requested it as bob";
    refused(&room, &ana, &path, why).await;

    let (status, told) = confirm(&room, &kim, "bob").await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let path = request(&room, &bob).await;
    let (status, told) = approve(&room, &ana, &path).await;
    assert_eq!(status, StatusCode::OK, "{told}");

    // A token that sec makes afterwards is sec's.
    let path = "/v1/people/bob/tokens/copy";
    let (_, told) = ask(&room, &sec, "PUT", path, None).await;
    let copy = told["token"].as_str().unwrap().to_owned();
    let path = request(&room, &copy).await;
    refused(&room, &ana, &path, "the right of ana was given by sec").await;
    let (_, told) = room.get("/v1/operations").await;
    assert_eq!(told["items"][0]["makers"], json!(["sec"]));
    room.end().await;
}

/// Somebody may have two names that nobody here has made: a login, and a token by admin. A token that
/// could be theirs approves nothing of either.
#[tokio::test]
async fn a_token_that_somebody_else_could_have_approves_nothing() {
    let (room, sec, _) = with_approval().await;
    let rob = make_with(&room, TOKEN, "rob", "operator", "").await;
    let ana = make_with(&room, &sec, "ana", "approver", "").await;
    let path = request(&room, &rob).await;
    refused(&room, &ana, &path, "was made by sec").await;
    assert_eq!(confirm(&room, TOKEN, "ana").await.0, StatusCode::OK);
    let (status, told) = approve(&room, &ana, &path).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    room.end().await;
}

/// Somebody makes somebody, who gives them a right, and makes the one who approves; and is removed.
#[tokio::test]
async fn nobody_gets_a_right_or_an_approval_from_somebody_whom_they_made() {
    let (room, sec, _) = with_approval().await;
    let max = make_with(&room, &sec, "max", "security", "").await;
    let kim = make_with(&room, &max, "kim", "security", "").await;
    for by in [&max, &kim] {
        let given = give(&room, by, "sec", "operator", "").await;
        assert_eq!(
            given,
            StatusCode::CONFLICT,
            "by way of somebody of their own"
        );
        let body = json!({ "subject": "s" });
        let (status, told) = ask(&room, by, "PUT", "/v1/people/sec/link", Some(body)).await;
        assert_ne!(status, StatusCode::OK, "{told}");
    }
    let bob = make_with(&room, &kim, "rob", "operator", "").await;
    let ana = make_with(&room, &max, "ana", "approver", "").await;
    for gone in ["kim", "max"] {
        let path = format!("/v1/people/{gone}");
        let (status, told) = ask(&room, &sec, "DELETE", &path, None).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{told}");
    }
    let path = request(&room, &bob).await;
    refused(&room, &ana, &path, "was made by max").await;
    // Admin has given sec a role of their own: whom sec has made approves nothing of sec's.
    assert_eq!(
        give(&room, TOKEN, "sec", "operator", "").await,
        StatusCode::OK
    );
    let path = request(&room, &sec).await;
    refused(&room, &ana, &path, "was made by max").await;
    // Nor does sec approve what could be theirs.
    assert_eq!(
        give(&room, TOKEN, "sec", "approver", "").await,
        StatusCode::OK
    );
    let path = request(&room, &bob).await;
    refused(&room, &sec, &path, "could be in the hands of sec").await;
    room.end().await;
}

/// Without anybody but admin who makes people, nothing is to be confirmed.
#[tokio::test]
async fn people_whom_admin_made_are_people() {
    let (room, _, _) = with_approval().await;
    let rob = make_with(&room, TOKEN, "rob", "operator", "").await;
    let ana = make_with(&room, TOKEN, "ana", "approver", "").await;
    make(&room, TOKEN, "nobody").await;
    let path = request(&room, &rob).await;
    let (status, told) = approve(&room, &ana, &path).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    room.end().await;
}
