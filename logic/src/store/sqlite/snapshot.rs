//! What a SQLite file has at one moment: one read transaction of a connection of its own.

use std::path::Path;

use async_trait::async_trait;
use futures::TryStreamExt;
use sqlx::{
    ConnectOptions, Row, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteRow},
};

use super::{Sqlite, error, ledger::audit_page};
use crate::store::{
    AuditPage, Error, Place, Snapshot, Visit, WrittenLock, WrittenOperation, WrittenTask,
};

/// How many rows lie ready: a page of the audit trail can be large.
const AHEAD: usize = 2;

/// What a SQLite file has at one moment.
struct Moment {
    place: Place,
    connection: SqliteConnection,
}

impl Sqlite {
    pub(super) async fn read_snapshot(&self) -> Result<Box<dyn Snapshot>, Error> {
        open(&self.path, false).await
    }
}

/// What is in a file, whether somebody writes it meanwhile or not. Nothing is changed.
///
/// # Errors
/// It cannot be read, or it is no store.
pub async fn read_only(path: &Path) -> Result<Box<dyn Snapshot>, Error> {
    // Without a log beside it nobody writes it, and then it can be read in any folder.
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    // Where nobody can say whether there is one, there may be.
    let has_log = Path::new(&log).try_exists().unwrap_or(true);
    open(path, !has_log).await
}

async fn open(path: &Path, is_immutable: bool) -> Result<Box<dyn Snapshot>, Error> {
    let place = Place::File(path.into());
    let failed = |error| error::sort(&place, error);
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .immutable(is_immutable)
        .row_buffer_size(AHEAD)
        .disable_statement_logging();
    let mut connection = options.connect().await.map_err(failed)?;
    // The moment is that of the first read of the transaction.
    for step in ["BEGIN", "SELECT COUNT(*) FROM sqlite_master"] {
        let done = sqlx::query(step).execute(&mut connection).await;
        done.map_err(failed)?;
    }
    Ok(Box::new(Moment { place, connection }))
}

impl Moment {
    async fn each<T>(
        &mut self,
        sql: &'static str,
        value: impl Fn(&SqliteRow) -> Result<T, sqlx::Error> + Send,
        visit: Visit<'_, T>,
    ) -> Result<(), Error> {
        let read = async {
            let mut rows = sqlx::query(sql).fetch(&mut self.connection);
            while let Some(row) = rows.try_next().await? {
                visit(value(&row)?);
            }
            Ok(())
        };
        let read: Result<(), sqlx::Error> = read.await;
        read.map_err(|error| error::sort(&self.place, error))
    }
}

#[async_trait]
impl Snapshot for Moment {
    async fn each_page(&mut self, visit: Visit<'_, AuditPage>) -> Result<(), Error> {
        let sql = "SELECT page, hash, body, packed FROM audit ORDER BY page";
        self.each(sql, audit_page, visit).await
    }

    async fn each_operation(&mut self, visit: Visit<'_, WrittenOperation>) -> Result<(), Error> {
        let sql = "SELECT id, body, progress FROM operation ORDER BY id";
        let value = |row: &SqliteRow| {
            Ok(WrittenOperation {
                id: row.try_get("id")?,
                body: row.try_get("body")?,
                progress: row.try_get("progress")?,
            })
        };
        self.each(sql, value, visit).await
    }

    async fn each_task(&mut self, visit: Visit<'_, WrittenTask>) -> Result<(), Error> {
        let sql = "SELECT id, operation, target, state, body, progress FROM task ORDER BY id";
        let value = |row: &SqliteRow| {
            Ok(WrittenTask {
                id: row.try_get("id")?,
                operation: row.try_get("operation")?,
                target: row.try_get("target")?,
                state: row.try_get("state")?,
                body: row.try_get("body")?,
                progress: row.try_get("progress")?,
            })
        };
        self.each(sql, value, visit).await
    }

    async fn each_lock(&mut self, visit: Visit<'_, WrittenLock>) -> Result<(), Error> {
        let sql = "SELECT target, body FROM lock ORDER BY target";
        let value = |row: &SqliteRow| {
            Ok(WrittenLock {
                target: row.try_get("target")?,
                body: row.try_get("body")?,
            })
        };
        self.each(sql, value, visit).await
    }
}
