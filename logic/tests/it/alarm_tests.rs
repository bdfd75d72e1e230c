//! Alarm rules over history: `/v1/alarm-rules/test`.

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    alarms::{apply, read, rule, set_power},
    room::Room,
};

const PATH: &str = "/v1/alarm-rules/test";

/// Tests rules until history has what it needs: it is written a moment later.
async fn tested(room: &Room, body: Value, is_so: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    utakata_tests::wait::until("history has it", async || {
        let (status, test) = room.post(PATH, body.clone()).await;
        assert_eq!(status, StatusCode::OK, "{test}");
        last = test;
        is_so(&last)
    })
    .await;
    last
}

fn time(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

/// Returns the moments of spells: they and live alarms read the clock one after the other.
fn is_near(left: &Value, right: &Value) -> bool {
    time(left).duration_since(time(right)).abs().as_millis() < 1_000
}

#[tokio::test]
async fn a_rule_over_history_finds_what_it_found_when_it_happened() {
    let room = Room::served().await;
    room.furnish(2).await;
    apply(&room, json!([rule()])).await;
    read(&room).await;
    room.until("/v1/alarms", |list| {
        list["items"].as_array().is_some_and(|all| all.len() == 2)
    })
    .await;
    set_power(&room, "pdu-0", 97.0).await;
    set_power(&room, "pdu-0", 90.0).await;
    let live = room
        .until("/v1/alarms?state=all&selector=name=pdu-0", |list| {
            list["items"][0]["state"] == "returned"
        })
        .await;
    let live = &live["items"][0];

    let body = json!({ "names": ["draws-much"] });
    let is_over = |test: &Value| {
        let spells = test["rules"][0]["spells"].as_array().unwrap();
        spells.len() == 2 && spells.iter().any(|spell| !spell["over"].is_null())
    };
    let test = tested(&room, body, is_over).await;
    let found = &test["rules"][0];
    assert_eq!(found["origin"], "site", "{test}");
    assert_eq!(
        (&found["targets"], &found["series"]),
        (&json!(2), &json!(2)),
        "{test}"
    );
    assert_eq!(found["alarms"], 2, "{test}");
    assert_eq!(found["most_in_ten_minutes"], 2, "{test}");
    let spells = found["spells"].as_array().unwrap();
    let of_0 = spells
        .iter()
        .find(|spell| spell["target"] == "pdu-0")
        .unwrap();
    assert!(is_near(&of_0["raised"], &live["raised"]), "{of_0} {live}");
    assert!(is_near(&of_0["over"], &live["over"]), "{of_0} {live}");
    assert_eq!(of_0["text"], "pdu-0 draws 120 W", "{of_0}");
    let of_1 = spells
        .iter()
        .find(|spell| spell["target"] == "pdu-1")
        .unwrap();
    assert!(of_1["over"].is_null(), "{of_1}");

    // Another threshold, and the rule in force beside it; only some targets.
    let mut other = rule();
    other.as_object_mut().unwrap().remove("type");
    other["raise"] = "value > 500.0".into();
    other["clear"] = Value::Null;
    let body = json!({
        "rules": [other], "names": ["draws-much", "silent"], "selector": "name=pdu-1", "limit": 1,
    });
    let (status, test) = room.post(PATH, body).await;
    assert_eq!(status, StatusCode::OK, "{test}");
    let alarms: Vec<_> = (0..3)
        .map(|at| (&test["rules"][at]["origin"], &test["rules"][at]["alarms"]))
        .map(|(origin, alarms)| (origin.as_str().unwrap(), alarms.as_u64().unwrap()))
        .collect();
    assert_eq!(
        alarms,
        [("request", 0), ("site", 1), ("shipped", 0)],
        "{test}"
    );
    // Nothing reads it by itself: nobody expects an answer.
    let note = test["rules"][2]["notes"].to_string();
    assert!(note.contains("no schedule reads 1"), "{note}");
    // Nothing was stored.
    let (_, rules) = room.get("/v1/alarm-rules/draws-much").await;
    assert_eq!(rules["rule"]["raise"], "value > 100.0", "{rules}");
    room.end().await;
}

#[tokio::test]
async fn a_test_that_is_wrong_says_what_is_wrong() {
    let room = Room::served().await;
    room.furnish(1).await;
    let wrong = json!({ "name": "x", "on": { "metric": "hw.power" }, "raise": "value > 'hot'" });
    for (body, status, code, part) in [
        (json!({}), 422, "body-invalid", "0 rules are given"),
        (
            json!({ "rules": [wrong] }),
            422,
            "documents-invalid",
            "raise: line 1",
        ),
        (
            json!({ "names": ["fan-faild"] }),
            404,
            "not-found",
            "fan-failed",
        ),
        (
            json!({ "names": ["silent"], "from": "2026-11-29T10:00:00Z", "to": "2026-11-29T09:00:00Z" }),
            400,
            "query-invalid",
            "from is not before to",
        ),
        (
            json!({ "names": ["silent"], "limit": 0 }),
            400,
            "query-invalid",
            "limit",
        ),
        (json!({ "name": "silent" }), 422, "body-invalid", "names"),
    ] {
        let (found, told) = room.post(PATH, body.clone()).await;
        assert_eq!(
            (found.as_u16(), &told["code"]),
            (status, &json!(code)),
            "{body}: {told}"
        );
        assert!(told.to_string().contains(part), "{body}: {told}");
    }
    // No rule can have the name of this path.
    let named = json!({ "type": "alarm", "name": "test", "on": { "silence": 3 } });
    let (status, told) = room
        .post("/v1/apply", json!({ "documents": [named] }))
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{told}");
    assert!(told.to_string().contains("choose another"), "{told}");
    room.end().await;
}
