//! The database is dropped, recreated, or restored to an older state while it is in use.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use axum::http::StatusCode;
use serde_json::json;
use utakata_logic::store::{Audit, Error, Inventory, Ledger, Store, WriteBatch};
use utakata_model::OutcomeStatus;
use utakata_tests::servers::Postgres;

use super::{
    super::conformance,
    open,
    outage::{is_there, page},
};
use crate::{
    control::off,
    room::{Room, config},
};

const NAME: &str = "test_0";

/// Runs statements that require that nobody is connected.
fn alone(server: &Postgres, statements: &[String]) {
    for statement in statements {
        server.sql("postgres", statement).unwrap();
    }
}

fn drop(name: &str) -> String {
    format!("DROP DATABASE {name} WITH (FORCE)")
}

/// Copies a database as it is at this moment.
fn copy(server: &Postgres, from: &str, to: &str) {
    let end = format!(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{from}'"
    );
    let copy = format!("CREATE DATABASE {to} TEMPLATE {from}");
    alone(server, &[end, copy]);
}

async fn is_refused(store: &dyn Store, number: u64, code: &str) {
    for written in [
        store.write(&page(number)).await,
        store.change(&[conformance::put("a")]).await,
        store.put_gap().await,
    ] {
        let error = written.unwrap_err();
        assert_eq!(error.code().as_str(), code, "{error}");
    }
}

#[tokio::test]
async fn a_database_that_is_recreated_underneath_is_reported_and_nothing_is_written() {
    let server = Postgres::start().unwrap();
    let url = server.database().unwrap();
    let store = open(&url).await.unwrap();
    store.write(&page(1)).await.unwrap();
    copy(&server, NAME, "kept");

    alone(&server, &[drop(NAME)]);
    is_refused(&store, 2, "store-refused").await;
    alone(&server, &[format!("CREATE DATABASE {NAME}")]);
    is_refused(&store, 2, "store-replaced").await;
    // Somebody else works with the new one.
    let new = open(&url).await.unwrap();
    new.write(&page(1)).await.unwrap();
    is_refused(&store, 2, "store-replaced").await;
    let error = store.write(&page(2)).await.unwrap_err();
    let told = format!("{error}: {}", error.cure());
    for says in ["another one", NAME, "mark-restored"] {
        assert!(told.contains(says), "{told}");
    }
    assert!(new.inventory().await.unwrap().targets.is_empty());
    assert!(!new.gap().await.unwrap());
    assert_eq!(new.audit_head().await.unwrap().unwrap().page, 1);
    new.close().await;

    // The right one is back: it continues.
    let back = format!("ALTER DATABASE kept RENAME TO {NAME}");
    alone(&server, &[drop(NAME), back]);
    let next = page(2);
    store.write(&next).await.unwrap();
    assert!(is_there(&open(&url).await.unwrap(), &next).await);
}

/// The schema is replaced, and the connections stay.
#[tokio::test]
async fn missing_or_recreated_tables_are_reported_and_nothing_is_written() {
    let server = Postgres::start().unwrap();
    let url = server.database().unwrap();
    let store = open(&url).await.unwrap();
    store.write(&page(1)).await.unwrap();
    for statement in ["ALTER SCHEMA public RENAME TO kept", "CREATE SCHEMA public"] {
        server.sql(NAME, statement).unwrap();
    }
    is_refused(&store, 2, "store-replaced").await;
    let new = open(&url).await.unwrap();
    is_refused(&store, 2, "store-replaced").await;
    assert!(new.audit_head().await.unwrap().is_none());
    new.close().await;
    for statement in [
        "DROP SCHEMA public CASCADE",
        "ALTER SCHEMA kept RENAME TO public",
    ] {
        server.sql(NAME, statement).unwrap();
    }
    store.write(&page(2)).await.unwrap();
    let head = open(&url).await.unwrap().audit_head().await.unwrap();
    assert_eq!(head.unwrap().page, 2);
}

#[tokio::test]
async fn a_database_that_is_put_back_to_an_older_state_is_reported_as_what_it_lost() {
    let server = Postgres::start().unwrap();
    let url = server.database().unwrap();
    let store = open(&url).await.unwrap();
    for number in 1..=2 {
        store.write(&page(number)).await.unwrap();
    }
    copy(&server, NAME, "before");
    for number in 3..=4 {
        store.write(&page(number)).await.unwrap();
    }
    alone(&server, &[drop(NAME)]);
    copy(&server, "before", NAME);

    let tried = page(5);
    let error = store.write(&tried).await.unwrap_err();
    assert!(matches!(error, Error::Lost { page: 4, .. }), "{error}");
    assert_eq!(error.code().as_str(), "store-lost");
    let other = open(&url).await.unwrap();
    assert!(!is_there(&other, &tried).await);
    // What the ledger does in that case.
    store.put_gap().await.unwrap();
    assert!(other.gap().await.unwrap());
    let next = WriteBatch {
        closes_gap: true,
        ..page(3)
    };
    store.write(&next).await.unwrap();
    assert!(!other.gap().await.unwrap());
    assert!(is_there(&other, &next).await);
}

#[tokio::test]
async fn what_an_older_database_says_again_is_not_done_twice() {
    let server = Postgres::start().unwrap();
    let url = server.database().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&url).await.unwrap());
    let mut room = Room::with(folder, config(), store).await;
    let done = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&done);
    let script = move |_: &_| {
        count.fetch_add(1, Ordering::Relaxed);
        Some((OutcomeStatus::Succeeded, None))
    };
    room.serve("pdu", Arc::new(script)).await;
    room.furnish(1).await;
    let lock = json!({ "why": "a fan is replaced", "for": "2h" });
    let (status, told) = room.send("PUT", "/v1/targets/pdu-0/lock", Some(lock)).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let (status, told) = room.post("/v1/operations", off(json!({}))).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let (_, tasks) = room.get("/v1/tasks").await;
    let path = format!("/v1/tasks/{}", tasks["items"][0]["id"].as_str().unwrap());
    // In the restored copy it still waits for its target.
    copy(&server, NAME, "before");
    let (status, told) = room
        .send("DELETE", "/v1/targets/pdu-0/lock?why=done", None)
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{told}");
    room.until(&path, |task| task["state"] == "succeeded").await;
    assert_eq!(done.load(Ordering::Relaxed), 1);

    alone(&server, &[drop(NAME)]);
    copy(&server, "before", NAME);
    let (status, told) = room.post("/v1/operations", off(json!({}))).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{told}");
    // Another write may have found it first: then the ledger is just being taken up anew.
    let codes = ["store-lost", "ending", "ledger-elsewhere"];
    assert!(codes.iter().any(|code| told["code"] == *code), "{told}");
    room.until(&path, |task| task["state"] == "unsettled").await;
    let unlock = room.send("DELETE", "/v1/targets/pdu-0/lock?why=done", None);
    assert_eq!(unlock.await.0, StatusCode::NO_CONTENT);
    let requested = off(json!({ "wait": "20s" }));
    let (status, answer) = room.post("/v1/operations", requested).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["operation"]["counts"]["succeeded"], 1, "{answer}");
    assert_eq!(done.load(Ordering::Relaxed), 2);
    let (_, told) = room.get(&path).await;
    assert_eq!(told["state"], "unsettled", "{told}");
    room.end().await;
}
