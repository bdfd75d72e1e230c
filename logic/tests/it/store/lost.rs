//! A ledger that lacks what was done: it came from a backup, or its store has lost pages. Its
//! record of unfinished tasks may be outdated, so none of them is done automatically.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use axum::http::StatusCode;
use serde_json::{Value, json};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use utakata_logic::{
    audit::verify::verify,
    store::{
        Audit, Store,
        sqlite::{Sqlite, read_only},
    },
};
use utakata_model::OutcomeStatus;

use crate::{
    control::off,
    room::{Room, config},
};

const STORE: &str = "store.sqlite3";

/// Serves the targets, and counts the actions on them.
async fn serve(room: &mut Room) -> Arc<AtomicU32> {
    let done = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&done);
    let script = move |_: &_| {
        count.fetch_add(1, Ordering::Relaxed);
        Some((OutcomeStatus::Succeeded, None))
    };
    room.serve("pdu", Arc::new(script)).await;
    done
}

/// A room in which an operation waits for its locked target, with the id of its task.
async fn waiting() -> (Room, Arc<AtomicU32>, String) {
    let mut room = Room::empty(config()).await;
    let done = serve(&mut room).await;
    room.furnish(1).await;
    let why = json!({ "why": "a fan is replaced", "for": "2h" });
    let (status, told) = room.send("PUT", "/v1/targets/pdu-0/lock", Some(why)).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let (status, answer) = room.post("/v1/operations", off(json!({}))).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let (_, tasks) = room.get("/v1/tasks").await;
    let task = tasks["items"][0]["id"].as_str().unwrap().to_owned();
    (room, done, task)
}

async fn unlock(room: &Room) {
    let path = "/v1/targets/pdu-0/lock?why=done";
    let (status, told) = room.send("DELETE", path, None).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{told}");
}

fn is(state: &'static str) -> impl Fn(&Value) -> bool {
    move |task| task["state"] == state
}

async fn is_whole(folder: &TempDir) {
    let file = folder.path().join(STORE);
    let mut snapshot = read_only(&file).await.unwrap();
    let report = verify(snapshot.as_mut(), None).await.unwrap();
    assert!(report.whole, "{:?}", report.findings);
}

/// Runs statements on the file, behind the logic environment's back.
async fn statements(folder: &TempDir, statements: &[&'static str]) {
    let options = SqliteConnectOptions::new().filename(folder.path().join(STORE));
    let mut connection = options.connect().await.unwrap();
    for sql in statements {
        sqlx::query(sqlx::AssertSqlSafe(sql.to_string()))
            .execute(&mut connection)
            .await
            .unwrap();
    }
    connection.close().await.unwrap();
}

#[tokio::test]
async fn tasks_unfinished_in_a_backup_are_left_to_a_person() {
    let (room, done, task) = waiting().await;
    let folder = room.end().await;
    let store = Sqlite::open(folder.path().join(STORE)).await.unwrap();
    store.put_gap().await.unwrap();
    store.close().await;
    drop(store);

    let mut room = Room::at(folder, config()).await;
    let again = serve(&mut room).await;
    let path = format!("/v1/tasks/{task}");
    room.until(&path, is("unsettled")).await;
    unlock(&room).await;
    // Others continue, and it does not.
    let requested = off(json!({ "wait": "20s" }));
    let (_, answer) = room.post("/v1/operations", requested).await;
    assert_eq!(answer["operation"]["counts"]["succeeded"], 1, "{answer}");
    let (_, told) = room.get(&path).await;
    assert_eq!(told["state"], "unsettled", "{told}");
    assert_eq!(done.load(Ordering::Relaxed), 0);
    assert_eq!(again.load(Ordering::Relaxed), 1);
    let verdict = json!({ "verdict": "again", "why": "it was not done" });
    let (status, told) = room.post(&format!("{path}/settle"), verdict).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    room.until(&path, is("succeeded")).await;
    assert_eq!(again.load(Ordering::Relaxed), 2);

    // It was reported once, and is not reported again.
    let folder = room.end().await;
    is_whole(&folder).await;
    let room = Room::at(folder, config()).await;
    let (_, told) = room.get(&path).await;
    assert_eq!(told["state"], "succeeded", "{told}");
    assert!(!room.handle.store().gap().await.unwrap());
    room.end().await;
}

#[tokio::test]
async fn what_the_store_loses_is_reported_and_what_it_says_again_is_not_done_twice() {
    let (room, done, task) = waiting().await;
    let before = format!(
        "VACUUM INTO '{}'",
        room.folder.path().join("before").display()
    );
    statements(&room.folder, &[before.leak()]).await;
    unlock(&room).await;
    let path = format!("/v1/tasks/{task}");
    room.until(&path, is("succeeded")).await;
    assert_eq!(done.load(Ordering::Relaxed), 1);

    // As after a failover to a standby that lacked something: in the store it still waits.
    let before = format!(
        "ATTACH '{}' AS before",
        room.folder.path().join("before").display()
    );
    let back = [
        before.leak() as &'static str,
        "PRAGMA foreign_keys = OFF",
        "DELETE FROM audit",
        "INSERT INTO audit SELECT * FROM before.audit",
        "DELETE FROM task",
        "INSERT INTO task SELECT * FROM before.task",
        "DELETE FROM operation",
        "INSERT INTO operation SELECT * FROM before.operation",
        "DELETE FROM lock",
    ];
    statements(&room.folder, &back).await;
    let (status, told) = room.post("/v1/operations", off(json!({}))).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{told}");
    assert_eq!(told["code"], "store-lost", "{told}");

    // Without intervention: it knows what the store knows, and repeats nothing.
    room.until(&path, is("unsettled")).await;
    let requested = off(json!({ "wait": "20s" }));
    let (status, answer) = room.post("/v1/operations", requested).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["operation"]["counts"]["succeeded"], 1, "{answer}");
    assert_eq!(done.load(Ordering::Relaxed), 2);
    let (_, told) = room.get(&path).await;
    assert_eq!(told["state"], "unsettled", "{told}");
    room.end().await;
}
