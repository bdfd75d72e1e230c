//! A store is copied as a whole, in both directions, or not at all.

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::json;
use utakata_api::{apply::Document, environment::Trust};
use utakata_logic::{
    audit::verify::verify,
    store::{
        AlarmChangeRow, AlarmWrites, Audit, Change, Discovery, Environments, Inventory, KeyRow,
        Ledger, Notifications, PolicyLogRow, Store, WriteBatch,
        copy::{Error, Progress, copy},
        postgres::Postgres as PostgresStore,
        sqlite::Sqlite,
    },
};
use utakata_model::OutcomeStatus;
use utakata_tests::{servers::Postgres, wait::until};

use super::postgres::open;
use crate::{
    control::off,
    releases::Release,
    room::{Room, config},
};

/// A store with some of everything in it.
async fn filled() -> (tempfile::TempDir, Sqlite) {
    let mut room = Room::empty(config()).await;
    let script = std::sync::Arc::new(|_: &_| Some((OutcomeStatus::Succeeded, None)));
    room.serve("pdu", script).await;
    room.furnish(30).await;
    let (status, told) = room.send("PUT", "/v1/people/ann", None).await;
    assert!(status.is_success(), "{told}");
    let role = json!({ "who": "ann", "role": "operator", "selector": "rack=A1" });
    let (status, told) = room.send("PUT", "/v1/bindings/ann-a1", Some(role)).await;
    assert!(status.is_success(), "{told}");
    for key in ["one", "two"] {
        let requested = json!({ "selector": "kind=pdu", "key": key, "wait": "20s" });
        let (status, told) = room.post("/v1/operations", off(requested)).await;
        assert_eq!(status, StatusCode::OK, "{told}");
    }
    let lock = json!({ "why": "nobody\u{0} knows", "for": "2h" });
    let lock = room.send("PUT", "/v1/targets/pdu-1/lock", Some(lock)).await;
    assert_eq!(lock.0, StatusCode::OK, "{}", lock.1);
    let requested = json!({ "selector": "kind=pdu", "wait": "20s" });
    room.post("/v1/reads", requested).await;
    let paused = json!({ "why": "its switch is replaced" });
    let (status, told) = room.post("/v1/environments/env-1/pause", paused).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    room.push(&Release::new("1.0.0")).await;
    let folder = room.end().await;
    let store = Sqlite::open(folder.path().join("store.sqlite3")).await;
    let store = store.unwrap();
    let notification = serde_json::json!({
        "zone": "default", "source": "10.0.0.1", "name": "linkDown", "key": "linkDown.3",
        "first": "2026-01-01T00:00:00Z", "last": "2026-01-01T00:00:00Z", "count": 1,
    });
    let notification = serde_json::from_value(notification).unwrap();
    store.put_notifications(&[notification]).await.unwrap();
    let sighting = ("here".to_owned(), "{}".to_owned());
    store.change_sightings(&[sighting], &[]).await.unwrap();
    let key = KeyRow {
        environment: "env-1".parse().unwrap(),
        zone: "default".parse().unwrap(),
        trust: Trust::Expected,
    };
    store.put_key(&key).await.unwrap();
    fill_alarms(&store).await;
    let mut smart = WriteBatch::default();
    for rows in [&mut smart.gate, &mut smart.policies] {
        rows.0.insert("one".into(), Some("{}".into()));
    }
    smart.policy_log.rows.push(PolicyLogRow {
        instance: "one".into(),
        at: i64::from(u32::MAX) + 7,
        body: "{}".into(),
    });
    store.write(&smart).await.unwrap();
    (folder, store)
}

async fn fill_alarms(store: &Sqlite) {
    let rule = json!({ "name": "x", "on": { "silence": 3 } });
    let relation = json!({ "relation": "feeds", "from": "pdu-0", "to": "pdu-1" });
    let floor = json!({ "name": "north", "size": [6, 6] });
    let changes = [
        Change::Put(Document::Alarm(serde_json::from_value(rule).unwrap())),
        Change::Put(Document::Relation(
            serde_json::from_value(relation).unwrap(),
        )),
        Change::Put(Document::Floor(serde_json::from_value(floor).unwrap())),
    ];
    store.change(&changes).await.unwrap();
    let mut alarms = AlarmWrites::default();
    alarms.rows.insert("pdu-0/x".into(), Some("state".into()));
    alarms.changes.push(AlarmChangeRow {
        number: u64::from(u32::MAX) + 7,
        body: "what changed".into(),
    });
    alarms.told.insert("http://one".into(), 7);
    let batch = WriteBatch {
        alarms,
        ..WriteBatch::default()
    };
    store.write(&batch).await.unwrap();
}

async fn alarms_are_alike(a: &dyn Store, b: &dyn Store) {
    let alarms = a.alarms().await.unwrap();
    assert!(!alarms.is_empty() && alarms == b.alarms().await.unwrap());
    let changes = a.alarm_changes(0, 1000).await.unwrap();
    assert!(!changes.is_empty() && changes == b.alarm_changes(0, 1000).await.unwrap());
    let told = a.alarms_told().await.unwrap();
    assert!(!told.is_empty() && told == b.alarms_told().await.unwrap());
    // Rules, relations and floors are part of the inventory.
    let inventory = a.inventory().await.unwrap();
    assert!(!inventory.alarm_rules.is_empty() && !inventory.relations.is_empty());
    assert!(!inventory.floors.is_empty());
}

async fn to_postgres(from: &Sqlite, to: &PostgresStore) -> Result<Vec<Progress>, Error> {
    let mut seen = Vec::new();
    let show = &mut |progress| seen.push(progress);
    copy(from.side().await?, to.target().await?, show).await?;
    Ok(seen)
}

async fn is_like(a: &dyn Store, b: &dyn Store) {
    assert_eq!(a.inventory().await.unwrap(), b.inventory().await.unwrap());
    alarms_are_alike(a, b).await;
    assert_eq!(a.people().await.unwrap(), b.people().await.unwrap());
    let notifications = [a.notifications().await, b.notifications().await];
    let [ours, theirs] = notifications.map(Result::unwrap);
    assert!(!ours.is_empty() && ours == theirs, "{ours:?} {theirs:?}");
    for [ours, theirs] in [
        [a.gate().await, b.gate().await],
        [a.policy_states().await, b.policy_states().await],
        [a.sightings().await, b.sightings().await],
    ] {
        let ours = ours.unwrap();
        assert!(!ours.is_empty() && ours == theirs.unwrap(), "{ours:?}");
    }
    let log = async |store: &dyn Store| store.policy_log("one", Timestamp::MAX, 10).await.unwrap();
    let [ours, theirs] = [log(a).await, log(b).await];
    assert!(!ours.is_empty() && ours == theirs, "{ours:?} {theirs:?}");
    assert_eq!(a.locks().await.unwrap(), b.locks().await.unwrap());
    assert_eq!(a.orders().await.unwrap(), b.orders().await.unwrap());
    let releases = a.releases(None).await.unwrap();
    assert_eq!(releases, b.releases(None).await.unwrap());
    assert_eq!(a.shipped().await.unwrap(), b.shipped().await.unwrap());
    assert_eq!(a.zones().await.unwrap(), b.zones().await.unwrap());
    assert_eq!(a.keys().await.unwrap(), b.keys().await.unwrap());
    let files = &releases[0].content.files;
    assert_eq!(b.missing_files(files).await.unwrap(), []);
    for file in files {
        let parts = [a.file_part(&file.digest, 0), b.file_part(&file.digest, 0)];
        let [ours, theirs] = futures::future::join_all(parts).await.try_into().unwrap();
        assert!(ours.unwrap() == theirs.unwrap(), "{}", file.path);
    }
    let operations = async |store: &dyn Store| store.operations(None, 100).await.unwrap();
    assert_eq!(operations(a).await, operations(b).await);
    for store in [a, b] {
        let report = verify(store.snapshot().await.unwrap().as_mut(), None).await;
        let report = report.unwrap();
        assert!(report.whole && report.pages > 0, "{:?}", report.findings);
        assert_eq!(
            report.head.page,
            a.audit_head().await.unwrap().unwrap().page
        );
    }
    let versions = [a.inventory_version().await, b.inventory_version().await];
    assert_eq!(versions[0].as_ref().unwrap(), versions[1].as_ref().unwrap());
}

#[tokio::test]
async fn a_file_is_copied_into_another_file() {
    let (folder, first) = filled().await;
    let second = Sqlite::open(folder.path().join("second")).await.unwrap();
    let (from, to) = (first.side().await.unwrap(), second.side().await.unwrap());
    copy(from, to, &mut |_| {}).await.unwrap();
    is_like(&first, &second).await;
}

#[tokio::test]
async fn a_store_is_copied_there_and_back() {
    let (folder, first) = filled().await;
    let server = Postgres::start().unwrap();
    let second = open(&server.database().unwrap()).await.unwrap();
    let seen = to_postgres(&first, &second).await.unwrap();
    let last = seen.last().unwrap();
    assert_eq!(last.done, last.all);
    is_like(&first, &second).await;
    second.close().await;

    let second = open(&server.url("postgres", "secret", "test_0"))
        .await
        .unwrap();
    let third = Sqlite::open(folder.path().join("third")).await.unwrap();
    let (from, to) = (second.source().await.unwrap(), third.side().await.unwrap());
    copy(from, to, &mut |_| {}).await.unwrap();
    is_like(&first, &third).await;
}

#[tokio::test]
async fn a_copy_is_refused_where_something_is_or_somebody_works() {
    let (_folder, first) = filled().await;
    let server = Postgres::start().unwrap();
    let url = server.database().unwrap();
    let second = open(&url).await.unwrap();
    let other = open(&url).await.unwrap();
    other.audit_head().await.unwrap();
    let error = to_postgres(&first, &second).await.unwrap_err();
    assert!(matches!(error, Error::InUse { .. }), "{error}");
    other.close().await;

    until("the other one has ended", async || {
        to_postgres(&first, &second).await.is_ok()
    })
    .await;
    let error = to_postgres(&first, &second).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::NotEmpty {
                table: "target",
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_copy_that_is_interrupted_has_left_nothing() {
    let (_folder, first) = filled().await;
    let server = Postgres::start().unwrap();
    let second = open(&server.database().unwrap()).await.unwrap();
    let (sender, half) = tokio::sync::watch::channel(false);
    let mut half = half;
    let show = &mut |progress: Progress| {
        sender.send_if_modified(|half| {
            *half = progress.done * 2 > progress.all;
            *half
        });
    };
    let (from, to) = (first.side().await.unwrap(), second.target().await.unwrap());
    tokio::select! {
        biased;
        _ = half.wait_for(|half| *half) => {}
        done = copy(from, to, show) => panic!("{done:?}"),
    }
    let gone = "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = 'utakata copy'";
    until("the copy is gone", async || {
        server.sql("test_0", gone).unwrap() == "0"
    })
    .await;
    assert_eq!(
        server.sql("test_0", "SELECT COUNT(*) FROM task").unwrap(),
        "0"
    );
    to_postgres(&first, &second).await.unwrap();
    let changes = [Change::DeleteTarget("pdu-3".parse().unwrap())];
    second.change(&changes).await.unwrap();
}
