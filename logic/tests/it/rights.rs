//! Rights: every route by every role, on whose targets, and what the trail has of it.

mod attacks;
pub mod four_eyes;
pub mod scopes;
mod table;
mod trail;

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::{Value, json};

use crate::room::Room;

/// Sends a request with a token.
pub async fn ask(
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

/// Makes somebody, as the one with a token would, and returns their token.
pub async fn make(room: &Room, by: &str, name: &str) -> String {
    let (status, told) = ask(room, by, "PUT", &format!("/v1/people/{name}"), None).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    told["token"].as_str().unwrap().to_owned()
}

/// Gives somebody a role, as the one with a token would.
pub async fn give(room: &Room, by: &str, who: &str, role: &str, selector: &str) -> StatusCode {
    let path = format!("/v1/bindings/{who}-{role}");
    let body = json!({ "who": who, "role": role, "selector": selector });
    ask(room, by, "PUT", &path, Some(body)).await.0
}

/// Makes somebody with a role.
pub async fn make_with(room: &Room, by: &str, name: &str, role: &str, selector: &str) -> String {
    let token = make(room, by, name).await;
    let given = give(room, by, name, role, selector).await;
    assert_eq!(given, StatusCode::OK, "{name} {role}");
    token
}

/// Returns the lines of the trail.
pub async fn trail(room: &Room) -> Vec<Value> {
    let (_, pages) = room.get("/v1/audit?limit=1000").await;
    let pages = pages["items"].as_array().unwrap().clone();
    let lines = pages.iter().map(|page| page["lines"].as_array().unwrap());
    lines.flatten().cloned().collect()
}
