//! `/v1/history` returns the readings that were seen.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::http::StatusCode;
use serde_json::{Value, json};
use utakata_model::{Cure, OutcomeStatus, Problem};

use crate::room::{Room, config};

async fn read(room: &Room) {
    let requested = json!({ "selector": "", "wait": "10s" });
    room.post("/v1/reads", requested).await;
}

fn times(series: &Value) -> usize {
    series["times"].as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn what_was_read_is_found_with_the_reason_of_each_gap_and_after_a_restart() {
    let mut room = Room::empty(config()).await;
    let fails = Arc::new(AtomicBool::new(false));
    let is_failing = Arc::clone(&fails);
    room.serve(
        "pdu",
        Arc::new(move |_| match is_failing.load(Ordering::Acquire) {
            false => Some((OutcomeStatus::Succeeded, None)),
            true => {
                let problem = Problem::new("unreachable", Cure::Operator, "no answer");
                Some((OutcomeStatus::Failed, Some(problem)))
            }
        }),
    )
    .await;
    room.furnish(2).await;
    // A value of another millisecond each time.
    let seen = async |count: usize| {
        room.until("/v1/history?metric=hw", |page| {
            let all = page["series"].as_array();
            all.is_some_and(|all| all.len() >= 2 && all.iter().all(|one| times(one) == count))
        })
        .await
    };
    read(&room).await;
    seen(1).await;
    fails.store(true, Ordering::Release);
    read(&room).await;
    fails.store(false, Ordering::Release);
    read(&room).await;
    let page = seen(2).await;
    let gaps = page["series"][0]["gaps"].as_array().unwrap();
    let failed = gaps.iter().filter(|gap| gap["reason"] == "unreachable");
    assert_eq!(failed.count(), 1, "{page}");
    // In steps, and in groups.
    let path = "/v1/history?metric=hw&step=1h&aggregate=max&by=rack";
    let (status, grouped) = room.get(path).await;
    assert_eq!(status, StatusCode::OK, "{grouped}");
    assert_eq!(grouped["series"][0]["group"], "A1", "{grouped}");
    assert_eq!(grouped["series"][0]["members"], 2);
    let (_, before) = room.get("/v1/readings").await;
    let folder = room.end().await;
    let room = Room::at(folder, config()).await;
    // With the times at which they arrived.
    room.until("/v1/readings", |readings| {
        // History counts milliseconds.
        let heard = |list: &Value| -> Vec<i64> {
            let items = list["items"].as_array().unwrap().iter();
            let heard = items.filter_map(|one| one["heard"].as_str()?.parse().ok());
            heard
                .map(|heard: jiff::Timestamp| heard.as_millisecond())
                .collect()
        };
        !heard(readings).is_empty() && heard(readings) == heard(&before)
    })
    .await;
    let again = room
        .until("/v1/history?metric=hw", |page| {
            page["series"].as_array().is_some_and(|all| all.len() >= 2)
        })
        .await;
    for (before, after) in page["series"]
        .as_array()
        .unwrap()
        .iter()
        .zip(again["series"].as_array().unwrap())
    {
        assert_eq!(before["times"], after["times"]);
        assert_eq!(before["values"], after["values"]);
    }
    room.end().await;
}

#[tokio::test]
async fn questions_that_are_wrong_or_too_large_are_refused() {
    let room = Room::served().await;
    room.furnish(3).await;
    read(&room).await;
    room.until("/v1/history", |page| {
        page["series"].as_array().is_some_and(|all| all.len() >= 3)
    })
    .await;
    for (query, code) in [
        (
            "from=2026-11-29T10:00:00Z&to=2026-11-29T09:00:00Z",
            "query-invalid",
        ),
        ("step=soon", "query-invalid"),
        ("step=0s", "query-invalid"),
        ("from=2020-01-01T00:00:00Z&step=1s", "query-invalid"),
        ("by=rack", "query-invalid"),
        ("where=phase", "query-invalid"),
        ("aggregate=median", "query-invalid"),
        ("limit=1", "history-too-large"),
    ] {
        let (status, told) = room.get(&format!("/v1/history?{query}")).await;
        assert_ne!(status, StatusCode::OK, "{query}");
        assert_eq!(told["code"], code, "{query}: {told}");
    }
    room.end().await;
}

#[tokio::test]
async fn what_was_not_read_because_of_an_order_says_so() {
    let mut config = config();
    config.control.grace = std::time::Duration::from_millis(50);
    let mut room = Room::empty(config).await;
    let is_there = Arc::new(AtomicBool::new(true));
    let serves = Arc::clone(&is_there);
    let script = move |_: &_| {
        let answers = serves.load(Ordering::Acquire);
        answers.then_some((OutcomeStatus::Succeeded, None))
    };
    room.serve("pdu", Arc::new(script)).await;
    room.furnish(1).await;
    read(&room).await;
    room.until("/v1/history?metric=hw", |page| {
        times(&page["series"][0]) == 1
    })
    .await;
    is_there.store(false, Ordering::Release);
    // Another kind makes it another status, which is waited for.
    room.announce_one(&["pdu", "spare"], |status| {
        status.stopped.all = Some(utakata_model::StopState::Paused);
    })
    .await;
    let schedule = json!({
        "type": "schedule", "name": "often", "selector": "kind=pdu", "interval": "1s",
    });
    room.apply(json!([schedule])).await;
    room.until("/v1/history?metric=hw", |page| {
        page["series"][0]["gaps"].to_string().contains("\"paused\"")
    })
    .await;
    room.end().await;
}
