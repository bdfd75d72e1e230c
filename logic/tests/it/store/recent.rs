//! The tasks of a target in SQLite, whichever table has them.

use std::path::Path;

use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use utakata_logic::store::{Ledger, Store, TaskFilter, WriteBatch, sqlite::Sqlite};
use utakata_model::{TargetName, TaskId};

use super::conformance::{audit, operation, planned, tasks};

/// As many as are gathered after five operations, the first of which finds earlier ones.
const TARGETS: usize = 4200;

fn of_target(text: &str) -> TaskFilter {
    TaskFilter {
        target: Some(TargetName::new(text).unwrap()),
        ..TaskFilter::default()
    }
}

async fn found(store: &Sqlite, filter: &TaskFilter) -> Vec<TaskId> {
    let rows = store.tasks(filter, 100).await.unwrap();
    rows.iter().map(|row| row.task.id).collect()
}

/// Writes a task for each target; returns that of `pdu-7`.
async fn write(store: &Sqlite, page: u64) -> TaskId {
    let operation = operation();
    let tasks = tasks(&operation, TARGETS);
    let batch = WriteBatch {
        audit: Some(audit(page)),
        ..planned(&operation, &tasks)
    };
    store.write(&batch).await.unwrap();
    tasks[7].id
}

async fn count(file: &Path, table: &'static str) -> i64 {
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    let mut connection = options.connect().await.unwrap();
    let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
    let rows = sqlx::query_scalar(sql).fetch_one(&mut connection).await;
    connection.close().await.unwrap();
    rows.unwrap()
}

#[tokio::test]
async fn tasks_of_a_target_come_newest_first_from_wherever_they_lie() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store");
    let store = Sqlite::open(&file).await.unwrap();
    let mut newest_first = Vec::new();
    let mut gathered = Vec::new();
    for page in 1..=6 {
        newest_first.insert(0, write(&store, page).await);
        assert_eq!(found(&store, &of_target("pdu-7")).await, newest_first);
        let before = TaskFilter {
            before: newest_first.first().copied(),
            ..of_target("pdu-7")
        };
        assert_eq!(found(&store, &before).await, newest_first[1..]);
        gathered.push(count(&file, "target_task").await);
    }
    let targets = TARGETS as i64;
    let [once, often] = [targets, 5 * targets];
    assert_eq!(gathered, [once, once, once, once, often, often]);
    assert_eq!(count(&file, "recent_target_task").await, targets);
    assert_eq!(found(&store, &of_target("pdu-none")).await, []);

    // Another life finds both.
    store.close().await;
    let store = Sqlite::open(&file).await.unwrap();
    assert_eq!(found(&store, &of_target("pdu-7")).await, newest_first);
}

#[tokio::test]
async fn a_store_from_before_has_the_tasks_of_its_targets() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store");
    let store = Sqlite::open(&file).await.unwrap();
    let first = write(&store, 1).await;
    store.close().await;
    drop(store);
    let options = SqliteConnectOptions::new().filename(&file);
    let mut connection = options.connect().await.unwrap();
    for sql in [
        "DROP TRIGGER task_is_recent",
        "DROP TABLE target_task",
        "DROP TABLE recent_target_task",
        "CREATE INDEX task_by_target ON task (target, id)",
        "DELETE FROM _sqlx_migrations WHERE version = 12",
    ] {
        sqlx::query(sql).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();

    let store = Sqlite::open(&file).await.unwrap();
    assert_eq!(found(&store, &of_target("pdu-7")).await, [first]);
    let second = write(&store, 2).await;
    assert_eq!(found(&store, &of_target("pdu-7")).await, [second, first]);
}
