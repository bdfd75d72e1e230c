//! Reads on demand, schedules, latest readings.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::http::StatusCode;
use serde_json::json;
use utakata_model::{Class, Cure, OutcomeStatus, Problem};

use crate::room::{Room, config, target};

#[tokio::test]
async fn a_read_goes_out_as_tasks_and_comes_back_with_what_was_seen() {
    let room = Room::served().await;
    room.furnish(3).await;
    let (status, answer) = room
        .post("/v1/reads", json!({ "selector": "rack=A1", "wait": "10s" }))
        .await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["counts"]["succeeded"], 3, "{answer}");
    assert_eq!(answer["tasks"].as_array().unwrap().len(), 3);
    assert_eq!(answer["tasks"][0]["state"], "succeeded");
    assert_eq!(answer["tasks"][0]["readings"][0]["metric"], "hw.power");
    assert_eq!(
        answer["tasks"][0]["outcome"]["ran_by"]["environment"],
        "env-1"
    );

    let (_, readings) = room.get("/v1/readings?metric=hw.temp").await;
    assert_eq!(readings["items"].as_array().unwrap().len(), 3);
    assert_eq!(readings["items"][0]["value"], 24.5);
    assert_eq!(readings["items"][0]["quality"], "good");
    let (_, seen) = room.get("/v1/targets/pdu-0").await;
    // It answered; but no schedule reads it, so its state is unknown from now on.
    assert_eq!(seen["health"], "unobserved", "{seen}");
    assert!(seen["answered"].is_string(), "{seen}");
    let id = answer["id"].as_str().unwrap();
    let (_, operation) = room.get(&format!("/v1/operations/{id}")).await;
    assert_eq!(operation["counts"]["succeeded"], 3, "{operation}");
    let (_, tasks) = room.get(&format!("/v1/tasks?operation={id}&limit=2")).await;
    assert_eq!(tasks["items"].as_array().unwrap().len(), 2);
    let next = tasks["next"].as_str().unwrap();
    let (_, rest) = room
        .get(&format!("/v1/tasks?operation={id}&cursor={next}"))
        .await;
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
    let task = rest["items"][0]["id"].as_str().unwrap();
    let (status, _) = room.get(&format!("/v1/tasks/{task}")).await;
    assert_eq!(status, StatusCode::OK);
    room.end().await;
}

#[tokio::test]
async fn readings_come_page_by_page_and_none_is_left_out() {
    let room = Room::served().await;
    room.furnish(5).await;
    room.post("/v1/reads", json!({ "selector": "", "wait": "10s" }))
        .await;
    let (mut path, mut seen) = ("/v1/readings?limit=3".to_owned(), Vec::new());
    loop {
        let (_, page) = room.get(&path).await;
        for item in page["items"].as_array().unwrap() {
            seen.push(format!("{} {}", item["target"], item["metric"]));
        }
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/v1/readings?limit=3&cursor={next}");
    }
    assert_eq!(seen.len(), 10, "{seen:?}");
    assert!(seen.is_sorted(), "{seen:?}");
    room.end().await;
}

#[tokio::test]
async fn targets_that_nobody_serves_fail_by_name_while_the_others_are_read() {
    let room = Room::served().await;
    room.furnish(1).await;
    let mut other = target("ups-1");
    other["kind"] = json!("ups");
    let applied = room.apply(json!([other])).await;
    assert_eq!(
        applied["warnings"][0]["subject"], "target ups-1",
        "{applied}"
    );
    let (_, answer) = room
        .post("/v1/reads", json!({ "selector": "", "wait": "10s" }))
        .await;
    assert_eq!(answer["counts"]["succeeded"], 1, "{answer}");
    assert_eq!(answer["counts"]["failed"], 1, "{answer}");
    let (status, problem) = room
        .post("/v1/reads", json!({ "selector": "kind=ups" }))
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["code"], "cannot-be-done", "{problem}");
    room.end().await;
}

#[tokio::test]
async fn a_target_that_fails_is_shown_failing_with_the_problem() {
    let problem = Problem::new("unreachable", Cure::Retry, "no answer within 1s");
    let script = move |_: &_| Some((OutcomeStatus::Failed, Some(problem.clone())));
    let room = Room::scripted(Arc::new(script)).await;
    room.furnish(1).await;
    let (_, answer) = room
        .post(
            "/v1/reads",
            json!({ "selector": "name=pdu-0", "wait": "10s" }),
        )
        .await;
    assert_eq!(answer["counts"]["failed"], 1, "{answer}");
    let (_, seen) = room.get("/v1/targets/pdu-0").await;
    assert_eq!(seen["health"], "failing");
    assert_eq!(seen["problem"]["code"], "unreachable");
    room.end().await;
}

#[tokio::test]
async fn a_partial_read_shows_in_counts_health_and_overview_and_fails_nothing() {
    let room = Room::scripted(Arc::new(|task| {
        let is_partial = task.target.name.as_str() == "pdu-1";
        let problem = || Problem::new("incomplete", Cure::Retry, "a table broke off");
        Some((OutcomeStatus::Succeeded, is_partial.then(problem)))
    }))
    .await;
    room.furnish(3).await;
    let read = json!({ "selector": "rack=A1", "wait": "10s" });
    let (_, answer) = room.post("/v1/reads", read).await;
    assert_eq!(answer["counts"]["succeeded"], 3, "{answer}");
    assert_eq!(answer["counts"]["partial"], 1, "{answer}");
    let (_, partial) = room.get("/v1/targets?health=partial").await;
    let [one] = partial["items"].as_array().unwrap().as_slice() else {
        panic!("{partial}");
    };
    assert_eq!(
        (&one["name"], &one["problem"]["code"]),
        (&json!("pdu-1"), &json!("incomplete"))
    );
    // Entries are listed only for a single target: there may be many.
    assert!(one["missing"].is_null(), "{one}");
    let (_, one) = room.get("/v1/targets/pdu-1").await;
    assert_eq!(one["missing"][0]["object"], "1.2.3", "{one}");
    let (_, overview) = room.get("/v1/overview").await;
    assert_eq!(
        (&overview["well"], &overview["targets"]["partial"]),
        (&json!(true), &json!(1))
    );
    let findings = overview["findings"].as_array().unwrap();
    let told = findings
        .iter()
        .find(|one| one["about"] == "target")
        .unwrap();
    assert_eq!(told["weight"], "notice", "{told}");
    room.end().await;
}

#[tokio::test]
async fn a_read_whose_outcome_never_comes_expires() {
    let mut config = config();
    config.observe.lifetime = Duration::from_millis(10);
    config.control.grace = Duration::ZERO;
    let mut room = Room::empty(config).await;
    room.serve("pdu", Arc::new(|_| None)).await;
    room.furnish(1).await;
    let (_, answer) = room
        .post(
            "/v1/reads",
            json!({ "selector": "name=pdu-0", "wait": "100ms" }),
        )
        .await;
    assert_eq!(answer["counts"]["queued"], 1, "{answer}");
    let id = answer["id"].as_str().unwrap();
    let tasks = room
        .until(&format!("/v1/tasks?operation={id}&state=expired"), |page| {
            page["items"]
                .as_array()
                .is_some_and(|items| items.len() == 1)
        })
        .await;
    assert_eq!(tasks["items"][0]["outcome"]["problem"]["code"], "no-answer");
    room.end().await;
}

#[tokio::test]
async fn a_schedule_reads_again_and_again_and_follows_changes_at_once() {
    let reads = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reads);
    let script = move |task: &utakata_model::Task| {
        assert_eq!(task.class, Class::Observe);
        counted.fetch_add(1, Ordering::SeqCst);
        Some((OutcomeStatus::Succeeded, None))
    };
    let room = Room::scripted(Arc::new(script)).await;
    room.furnish(2).await;
    room.apply(json!([
        { "type": "schedule", "name": "often", "selector": "rack=A1", "interval": "100ms" },
    ]))
    .await;
    room.until("/v1/readings", |page| {
        page["items"]
            .as_array()
            .is_some_and(|items| items.len() == 4)
    })
    .await;
    room.until("/v1/status", |_| reads.load(Ordering::SeqCst) >= 8)
        .await;
    // A new target is read at once, and a deleted schedule no longer reads.
    room.apply(json!([target("pdu-new")])).await;
    room.until("/v1/readings?selector=name=pdu-new", |page| {
        page["items"]
            .as_array()
            .is_some_and(|items| items.len() == 2)
    })
    .await;
    let (status, _) = room.send("DELETE", "/v1/schedules/often", None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    room.end().await;
}

#[tokio::test]
async fn a_new_kind_is_read_as_soon_as_somebody_serves_it() {
    let mut room = Room::empty(config()).await;
    room.furnish(1).await;
    room.apply(json!([
        { "type": "schedule", "name": "hourly", "selector": "kind=pdu", "interval": "1h" },
    ]))
    .await;
    let status = room
        .until("/v1/status", |status| {
            status["problems"]
                .as_array()
                .is_some_and(|all| !all.is_empty())
        })
        .await;
    assert_eq!(status["problems"][0]["code"], "kind-not-served", "{status}");
    room.serve("pdu", Arc::new(|_| Some((OutcomeStatus::Succeeded, None))))
        .await;
    room.until("/v1/readings", |page| {
        page["items"]
            .as_array()
            .is_some_and(|items| items.len() == 2)
    })
    .await;
    room.end().await;
}

#[tokio::test]
async fn last_readings_outlive_a_restart_and_go_stale_by_their_schedule() {
    let room = Room::served().await;
    room.furnish(1).await;
    room.post("/v1/reads", json!({ "selector": "", "wait": "10s" }))
        .await;
    let folder = room.end().await;
    let room = Room::at(folder, config()).await;
    let (_, page) = room.get("/v1/readings").await;
    assert_eq!(page["items"][0]["quality"], "good", "no schedule: {page}");
    room.apply(json!([
        { "type": "schedule", "name": "often", "selector": "", "interval": "100ms" },
    ]))
    .await;
    room.until("/v1/readings", |page| {
        page["items"][0]["quality"] == "stale"
    })
    .await;
    room.end().await;
}

#[tokio::test]
async fn readings_of_an_earlier_version_are_taken_over_once() {
    let room = Room::served().await;
    room.furnish(1).await;
    let folder = room.end().await;
    let path = folder.path().join("store.sqlite3");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let name = "pdu-0";
    let body = json!({ "last": {
        "target": name, "action": "read", "time": "2026-11-01T10:00:00Z",
        "seen_by": { "task": "0192f0c1-0000-7000-8000-000000000001", "attempt": 1 },
        "readings": [{ "metric": "hw.energy", "value": 7.5, "unit": "J" }],
    }});
    let mut store = sqlx::ConnectOptions::connect(&options).await.unwrap();
    sqlx::query("INSERT INTO reading (target, action, body) VALUES (?, 'read', ?)")
        .bind(name)
        .bind(body.to_string())
        .execute(&mut store)
        .await
        .unwrap();
    sqlx::Connection::close(store).await.unwrap();
    // The first start takes it over, the second one has it from history.
    let mut folder = folder;
    for _ in 0..2 {
        let room = Room::at(folder, config()).await;
        let (_, page) = room.get("/v1/readings?metric=hw.energy").await;
        assert_eq!(page["items"][0]["value"], 7.5, "{page}");
        assert_eq!(page["items"][0]["time"], "2026-11-01T10:00:00Z");
        assert!(room.handle.store().readings().await.unwrap().is_empty());
        folder = room.end().await;
    }
}
