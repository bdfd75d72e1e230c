//! Floors: drawn, shown to those who may see what is in them, and the mistakes in them.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::{
    rights::{ask, make_with, scopes::two_racks},
    room::{Room, TOKEN},
};

/// A floor of the targets without a room, whose racks are A1 and B1.
fn floor(name: &str) -> Value {
    json!({
        "type": "floor", "name": name, "room": "", "size": [6.0, 6.0],
        "rows": [
            { "name": "A", "racks": ["A1", "A2"], "at": [0.6, 0.6] },
            { "name": "B", "racks": ["B1"], "at": [0.6, 3.0] },
        ],
        "units": [{ "target": "b-1", "at": [3.0, 3.0] }],
    })
}

async fn refused(room: &Room, documents: Value) -> Vec<String> {
    let (status, told) = room.post("/v1/apply", documents).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{told}");
    let problems = told["problems"].as_array().unwrap().iter();
    problems
        .map(|one| one["message"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_floor_is_applied_as_it_is_written_and_shown_to_those_who_see_its_racks() {
    let room = two_racks().await;
    let (_, told) = room
        .post("/v1/apply", json!({ "documents": [floor("hall")] }))
        .await;
    assert_eq!(told["changes"][0]["verdict"], "created", "{told}");
    let empty = "no target of the room \"\" is in rack A2: drawn empty";
    assert_eq!(told["warnings"][0]["message"], empty, "{told}");
    let (_, again) = room
        .post("/v1/apply", json!({ "documents": [floor("hall")] }))
        .await;
    assert_eq!(again["changes"][0]["verdict"], "unchanged", "{again}");
    let (_, seen) = room.get("/v1/floors").await;
    let seen = &seen["items"][0];
    assert_eq!(seen["rows"][0]["racks"], json!(["A1", "A2"]), "{seen}");
    assert_eq!(seen["tile"], 0.6, "{seen}");

    let ana = make_with(&room, TOKEN, "ana", "operator", "rack=A1").await;
    for path in ["/v1/floors/hall", "/v1/floors"] {
        let (_, seen) = ask(&room, &ana, "GET", path, None).await;
        let seen = seen.pointer("/items/0").unwrap_or(&seen);
        assert_eq!(seen["rows"].as_array().unwrap().len(), 1, "{seen}");
        assert_eq!(seen["rows"][0]["racks"], json!(["A1"]), "{seen}");
        assert_eq!(seen["units"], Value::Null, "{seen}");
    }
    let apply = json!({ "documents": [floor("hall")] });
    let (status, told) = ask(&room, &ana, "POST", "/v1/apply", Some(apply)).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{told}");
    room.end().await;
}

#[tokio::test]
async fn a_room_is_drawn_once_and_what_stands_in_it_exists() {
    let room = two_racks().await;
    room.apply(json!([floor("hall")])).await;
    let other = json!({ "documents": [floor("other")] });
    let wrong = refused(&room, other.clone()).await;
    let [wrong] = wrong.as_slice() else {
        panic!("{wrong:?}")
    };
    assert!(
        wrong.contains("is drawn by the floor hall already"),
        "{wrong}"
    );
    // The one that is deleted in the same step draws it no more.
    let mut instead = other;
    instead["delete"] = json!([{ "type": "floor", "name": "hall" }]);
    let (status, told) = room.post("/v1/apply", instead).await;
    assert_eq!(status, StatusCode::OK, "{told}");

    let mut unknown = floor("other");
    unknown["units"][0]["target"] = json!("b-2");
    unknown["rows"][1]["at"] = json!([1.2, 0.9]);
    let wrong = refused(&room, json!({ "documents": [unknown] })).await;
    let expected = [
        "rows.1: rack B1 at 1.2, 0.9 is where rack A2 is: move row B",
        "units.0.target: there is no target \"b-2\": did you mean \"b-1\"?",
    ];
    for (wrong, expected) in wrong.iter().zip(expected) {
        assert!(wrong.contains(expected), "{wrong}");
    }
    assert_eq!(wrong.len(), 2, "{wrong:?}");
    room.end().await;
}
