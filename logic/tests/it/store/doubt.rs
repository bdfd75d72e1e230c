//! Pages whose fate is unknown are stored once, and nobody gets a wrong answer.

use std::{collections::VecDeque, sync::Arc};

use axum::http::StatusCode;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use utakata_logic::{audit::verify::verify, store::sqlite::Sqlite};
use utakata_model::OutcomeStatus;

use super::doubtful::{
    Doubtful,
    Fate::{self, Away, Lost, Slow, SlowAndFull, Written},
};
use crate::{
    control::off,
    room::{Room, config},
};

/// A room whose store treats the following pages as told.
async fn room() -> (Room, Arc<Mutex<VecDeque<Fate>>>) {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path().join("store.sqlite3")).await;
    let fates = Arc::<Mutex<VecDeque<Fate>>>::default();
    let store = Doubtful {
        store: Arc::new(store.unwrap()),
        fates: Arc::clone(&fates),
    };
    let mut room = Room::with(folder, config(), Arc::new(store)).await;
    let script = Arc::new(|_: &_| Some((OutcomeStatus::Succeeded, None)));
    room.serve("pdu", script).await;
    room.furnish(1).await;
    (room, fates)
}

async fn is_whole(room: &Room) {
    let file = room.folder.path().join("store.sqlite3");
    let mut snapshot = utakata_logic::store::sqlite::read_only(&file)
        .await
        .unwrap();
    let report = verify(snapshot.as_mut(), None).await.unwrap();
    assert!(report.whole, "{:?}", report.findings);
}

#[tokio::test]
async fn a_page_in_doubt_is_written_once_whatever_happened_to_it() {
    for fates in [
        vec![Written],
        vec![Lost],
        vec![Written, Away, Away],
        vec![Lost, Away],
        vec![Lost, Written],
        vec![Written, Lost],
    ] {
        let (room, next) = room().await;
        next.lock().extend(fates.iter().cloned());
        let requested = json!({ "key": "once", "wait": "20s" });
        let (status, answer) = room.post("/v1/operations", off(requested.clone())).await;
        assert_eq!(status, StatusCode::OK, "{fates:?}: {answer}");
        let counts = &answer["operation"]["counts"];
        assert_eq!(counts["succeeded"], 1, "{fates:?}: {answer}");
        let (_, again) = room.post("/v1/operations", off(requested)).await;
        assert_eq!(again["operation"]["id"], answer["operation"]["id"]);
        let (_, operations) = room.get("/v1/operations").await;
        assert_eq!(operations["items"].as_array().unwrap().len(), 1);
        is_whole(&room).await;
        room.end().await;
    }
}

#[tokio::test]
async fn what_is_in_doubt_at_the_end_is_there_or_not_after_it() {
    for (fate, expect) in [(Written, 1), (Lost, 0)] {
        let (room, next) = room().await;
        next.lock().push_back(fate.clone());
        next.lock().extend(std::iter::repeat_n(Away, 10_000));
        let requested = room.post("/v1/operations", off(json!({ "key": "once" })));
        let ends = async {
            let known = |status: &Value| {
                let problems = status["problems"].as_array().unwrap();
                problems.iter().any(|one| one["code"] == "store-away")
            };
            room.until("/v1/status", known).await;
            let (_, target) = room.get("/v1/targets/pdu-0").await;
            assert_eq!(target["name"], "pdu-0", "{target}");
            room.handle.drain(std::time::Duration::ZERO).await;
        };
        let ((status, answer), ()) = tokio::join!(requested, ends);
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
        assert_eq!(answer["code"], "ending", "{answer}");
        is_whole(&room).await;
        let folder = room.end().await;
        let room = Room::at(folder, config()).await;
        let (_, operations) = room.get("/v1/operations").await;
        assert_eq!(operations["items"].as_array().unwrap().len(), expect);
        room.end().await;
    }
}

fn ask(key: &str) -> Value {
    off(json!({ "key": key, "wait": "20s" }))
}

/// Requests two operations on one target at the same time.
async fn both_ask(room: &Room) -> [(StatusCode, Value); 2] {
    let first = room.post("/v1/operations", ask("first"));
    let second = room.post("/v1/operations", ask("second"));
    tokio::join!(first, second).into()
}

/// Waits until the ledger has accepted both, or one with the other queued: on a busy machine the
/// second may arrive when the write is slow already.
async fn both_wait(room: &Room) {
    let waits = |target: &Value| target["control"]["waiting"] == 2;
    let both = room.until("/v1/targets/pdu-0", waits);
    let _ = tokio::time::timeout(std::time::Duration::from_secs(2), both).await;
}

#[tokio::test]
async fn requests_during_the_writing_of_a_page_are_promised_after_it() {
    let (room, next) = room().await;
    let gate = Arc::new(Semaphore::new(0));
    next.lock().push_back(Slow(Arc::clone(&gate)));
    let requested = both_ask(&room);
    let looked = async {
        both_wait(&room).await;
        let (_, operations) = room.get("/v1/operations").await;
        assert_eq!(operations["items"], json!([]), "nothing is written yet");
        gate.add_permits(1);
    };
    let (answers, ()) = tokio::join!(requested, looked);
    for (status, answer) in answers {
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert_eq!(answer["operation"]["counts"]["succeeded"], 1, "{answer}");
    }
    is_whole(&room).await;
    room.end().await;
}

#[tokio::test]
async fn requests_during_a_failing_page_are_refused_with_it_and_leave_nothing() {
    let (room, next) = room().await;
    let gate = Arc::new(Semaphore::new(0));
    next.lock().push_back(SlowAndFull(Arc::clone(&gate)));
    let requested = both_ask(&room);
    let fails = async {
        both_wait(&room).await;
        gate.add_permits(1);
    };
    let (answers, ()) = tokio::join!(requested, fails);
    let mut done = 0;
    for (status, answer) in answers {
        if status == StatusCode::OK {
            done += 1;
        } else {
            assert_eq!(status, StatusCode::INSUFFICIENT_STORAGE, "{answer}");
            assert_eq!(answer["code"], "disk-full", "{answer}");
        }
    }
    assert!(done < 2, "the page that failed was of one of them");
    let (_, target) = room.get("/v1/targets/pdu-0").await;
    assert_eq!(target["control"]["waiting"], 0, "{target}");
    let (status, answer) = room.post("/v1/operations", ask("third")).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["operation"]["counts"]["succeeded"], 1, "{answer}");
    let (_, operations) = room.get("/v1/operations").await;
    assert_eq!(operations["items"].as_array().unwrap().len(), done + 1);
    is_whole(&room).await;
    let (_, audit) = room.get("/v1/audit").await;
    let said = audit.to_string();
    assert_eq!(
        said.matches("operation.requested").count(),
        done + 1,
        "{said}"
    );
    assert_eq!(said.matches("task.planned").count(), done + 1, "{said}");
    room.end().await;
}

#[tokio::test]
async fn what_waits_for_a_page_in_doubt_is_refused_and_nothing_of_it_is_done_or_lost() {
    let (room, next) = room().await;
    next.lock().push_back(Written);
    next.lock().extend(std::iter::repeat_n(Away, 10_000));
    let first = room.post("/v1/operations", off(json!({ "key": "first" })));
    let later = async {
        let is_reported = |status: &Value| {
            let problems = status["problems"].as_array().unwrap();
            problems.iter().any(|one| one["code"] == "store-away")
        };
        room.until("/v1/status", is_reported).await;
        let lock = json!({ "why": "a fan is replaced", "for": "2h" });
        tokio::join!(
            room.post("/v1/operations", off(json!({ "key": "second" }))),
            room.send("PUT", "/v1/targets/pdu-0/lock", Some(lock)),
        )
    };
    let ((status, doubtful), (second, lock)) = tokio::join!(first, later);
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{doubtful}");
    assert_eq!(doubtful["code"], "store-in-doubt", "{doubtful}");
    for (status, told) in [second, lock] {
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{told}");
        assert_eq!(told["code"], "ledger-waits", "{told}");
    }
    // From now on refused at once; queries are answered.
    let (_, third) = room.post("/v1/operations", off(json!({}))).await;
    assert_eq!(third["code"], "ledger-waits", "{third}");
    let (status, target) = room.get("/v1/targets/pdu-0").await;
    assert_eq!((status, &target["lock"]), (StatusCode::OK, &json!(null)));

    // The store is back: the page in doubt was written, and is carried out once.
    next.lock().clear();
    let is_well = |status: &Value| status["problems"] == json!([]);
    room.until("/v1/status", is_well).await;
    let requested = json!({ "key": "first", "wait": "20s" });
    let (status, answer) = room.post("/v1/operations", off(requested)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let id = answer["operation"]["id"].as_str().unwrap();
    assert!(doubtful["detail"].to_string().contains(id), "{doubtful}");
    // A repeated request waits like the first one.
    assert_eq!(answer["operation"]["counts"]["succeeded"], 1, "{answer}");
    let (_, operations) = room.get("/v1/operations").await;
    assert_eq!(operations["items"].as_array().unwrap().len(), 1);
    let requested = json!({ "key": "second", "wait": "20s" });
    let (_, answer) = room.post("/v1/operations", off(requested)).await;
    assert_eq!(answer["operation"]["counts"]["succeeded"], 1, "{answer}");
    is_whole(&room).await;
    room.end().await;
}
