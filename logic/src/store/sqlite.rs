//! The store of one machine: a SQLite file, one writer, few readers.

mod ledger;
mod open;
mod order;
mod page;
mod person;
mod reading;
mod row;
mod snapshot;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde::Serialize;
use sqlx::{Connection, Row, SqliteConnection, SqlitePool, sqlite::SqliteConnectOptions};
use tokio::sync::Mutex;
use utakata_api::{apply::Document, ledger::Lock};
use utakata_model::{Operation, OperationId, PersonName, TargetName, TaskId};

use super::{
    AuditPage, Change, Contents, Error, OperationProgress, OperationRow, OrderRow, Orders, Page,
    PersonRow, ReadingRow, Snapshot, Store, TaskRow, Wanted,
};

pub use snapshot::read_only;

/// A SQLite file, with mode 0600. Writes are in the file when they return (`synchronous=FULL`).
pub struct Sqlite {
    path: PathBuf,
    writer: Mutex<SqliteConnection>,
    readers: SqlitePool,
}

impl Sqlite {
    /// Opens the store, making it or bringing it to the newest form where needed.
    ///
    /// # Errors
    /// It cannot be written, it is damaged, or a newer version wrote it.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        open::open(path.as_ref()).await
    }

    fn new(path: &Path, writer: SqliteConnection, options: SqliteConnectOptions) -> Self {
        let readers = sqlx::sqlite::SqlitePoolOptions::new()
            .max_connections(2)
            .connect_lazy_with(options);
        Self {
            path: path.to_owned(),
            writer: Mutex::new(writer),
            readers,
        }
    }

    fn failed(&self, error: sqlx::Error) -> Error {
        Error::from_sqlx(&self.path, error)
    }

    async fn bodies<T: serde::de::DeserializeOwned>(
        &self,
        what: &'static str,
        sql: &'static str,
    ) -> Result<Vec<T>, Error> {
        let rows = sqlx::query(sql)
            .fetch_all(&self.readers)
            .await
            .map_err(|error| self.failed(error))?;
        rows.iter()
            .map(|row| self.parse(what, row.get::<&str, _>("body")))
            .collect()
    }

    fn parse<T: serde::de::DeserializeOwned>(
        &self,
        what: &'static str,
        text: &str,
    ) -> Result<T, Error> {
        serde_json::from_str(text).map_err(|source| self.wrong(what, source))
    }

    fn json(&self, what: &'static str, value: &impl Serialize) -> Result<String, Error> {
        serde_json::to_string(value).map_err(|source| self.wrong(what, source))
    }

    fn wrong(&self, what: &'static str, source: serde_json::Error) -> Error {
        Error::Row {
            path: self.path.clone(),
            what,
            source,
        }
    }

    async fn make(&self, to: &mut SqliteConnection, change: &Change) -> Result<(), Error> {
        let done = match change {
            Change::Put(document) => return self.put(to, document).await,
            Change::DeleteTarget(name) => {
                sqlx::query("DELETE FROM reading WHERE target = ?")
                    .bind(name.as_str())
                    .execute(&mut *to)
                    .await
                    .map_err(|error| self.failed(error))?;
                delete(to, "DELETE FROM target WHERE name = ?", name.as_str()).await
            }
            Change::DeleteSchedule(name) => {
                delete(to, "DELETE FROM schedule WHERE name = ?", name.as_str()).await
            }
            Change::DeleteCredential(name) => {
                delete(to, "DELETE FROM credential WHERE name = ?", name.as_str()).await
            }
        };
        done.map_err(|error| self.failed(error))
    }

    async fn put(&self, to: &mut SqliteConnection, document: &Document) -> Result<(), Error> {
        let (sql, name, body) = match document {
            Document::Target(target) => (
                "INSERT INTO target (name, body) VALUES (?, ?)
                 ON CONFLICT (name) DO UPDATE SET body = excluded.body",
                target.name.as_str(),
                self.json("target", target)?,
            ),
            Document::Schedule(schedule) => (
                "INSERT INTO schedule (name, body) VALUES (?, ?)
                 ON CONFLICT (name) DO UPDATE SET body = excluded.body",
                schedule.name.as_str(),
                self.json("schedule", schedule)?,
            ),
            Document::Credential(credential) => (
                "INSERT INTO credential (name, body) VALUES (?, ?)
                 ON CONFLICT (name) DO UPDATE SET body = excluded.body",
                credential.name.as_str(),
                self.json("credential", credential)?,
            ),
        };
        sqlx::query(sql)
            .bind(name)
            .bind(body)
            .execute(to)
            .await
            .map(drop)
            .map_err(|error| self.failed(error))
    }
}

async fn delete(
    from: &mut SqliteConnection,
    sql: &'static str,
    name: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(sql).bind(name).execute(from).await.map(drop)
}

#[async_trait]
impl Store for Sqlite {
    async fn inventory(&self) -> Result<Contents, Error> {
        Ok(Contents {
            targets: self
                .bodies("target", "SELECT body FROM target ORDER BY name")
                .await?,
            schedules: self
                .bodies("schedule", "SELECT body FROM schedule ORDER BY name")
                .await?,
            credentials: self
                .bodies("credential", "SELECT body FROM credential ORDER BY name")
                .await?,
        })
    }

    async fn change(&self, changes: &[Change]) -> Result<(), Error> {
        let mut writer = self.writer.lock().await;
        let mut transaction = writer.begin().await.map_err(|error| self.failed(error))?;
        for change in changes {
            self.make(&mut transaction, change).await?;
        }
        transaction
            .commit()
            .await
            .map_err(|error| self.failed(error))
    }

    async fn write(&self, page: &Page) -> Result<(), Error> {
        self.write_page(page).await
    }

    async fn open_operations(&self) -> Result<Vec<(Operation, OperationProgress)>, Error> {
        self.read_open_operations().await
    }

    async fn unfinished(&self) -> Result<Vec<TaskRow>, Error> {
        self.read_unfinished().await
    }

    async fn tasks_of(&self, operation: OperationId) -> Result<Vec<TaskRow>, Error> {
        self.read_tasks_of(operation).await
    }

    async fn operation_by_key(&self, key: &str) -> Result<Option<OperationId>, Error> {
        self.read_operation_by_key(key).await
    }

    async fn operation(&self, id: OperationId) -> Result<Option<OperationRow>, Error> {
        self.read_operation(id).await
    }

    async fn operations(
        &self,
        before: Option<OperationId>,
        most: u32,
    ) -> Result<Vec<OperationRow>, Error> {
        self.read_operations(before, most).await
    }

    async fn locks(&self) -> Result<Vec<(TargetName, Lock)>, Error> {
        self.read_locks().await
    }

    async fn audit(&self, from: u64, most: u32) -> Result<Vec<AuditPage>, Error> {
        self.read_audit(from, most).await
    }

    async fn audit_head(&self) -> Result<Option<AuditPage>, Error> {
        self.read_audit_head().await
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, Error> {
        self.read_snapshot().await
    }

    async fn task(&self, id: TaskId) -> Result<Option<TaskRow>, Error> {
        self.read_task(id).await
    }

    async fn tasks(&self, wanted: &Wanted, most: u32) -> Result<Vec<TaskRow>, Error> {
        self.read_tasks(wanted, most).await
    }

    async fn put_readings(&self, rows: &[ReadingRow]) -> Result<(), Error> {
        self.write_readings(rows).await
    }

    async fn readings(&self) -> Result<Vec<ReadingRow>, Error> {
        self.read_readings().await
    }

    async fn people(&self) -> Result<Vec<PersonRow>, Error> {
        self.read_people().await
    }

    async fn put_person(&self, row: &PersonRow) -> Result<(), Error> {
        self.write_person(row).await
    }

    async fn delete_person(&self, name: &PersonName) -> Result<(), Error> {
        self.remove_person(name).await
    }

    async fn orders(&self) -> Result<Orders, Error> {
        self.read_orders().await
    }

    async fn put_order(&self, revision: u64, row: Option<&OrderRow>) -> Result<(), Error> {
        self.write_order(revision, row).await
    }

    async fn close(&self) {
        self.readers.close().await;
        // The write-ahead log goes into the file, so that a copy of the file is complete.
        let mut writer = self.writer.lock().await;
        let checkpoint = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&mut *writer)
            .await;
        if let Err(error) = checkpoint {
            tracing::warn!(%error, "the store's log was not folded in; the next start does it");
        }
    }
}

#[cfg(test)]
mod tests;
