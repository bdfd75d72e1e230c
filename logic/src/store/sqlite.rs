//! The store of one machine: a SQLite file, one writer, few readers.

mod backup;
mod copy;
mod error;
mod files;
mod gap;
mod lease;
mod ledger;
mod open;
mod order;
mod page;
mod person;
mod reading;
mod release;
mod rollout;
mod shipped;
mod snapshot;
mod writer;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use sqlx::{Row, SqliteConnection, SqlitePool};
use utakata_api::{apply::Document, ledger::Lock, rollout::Rollout};
use utakata_model::{
    ContentFile, EnvironmentId, FileDigest, Kind, Operation, OperationId, Order, PersonName,
    ReleaseDigest, RolloutId, Scope, TargetName, TaskId, Zone,
};

use super::{
    AuditPage, Change, Contents, Error, KindRow, KindsDesired, Lease, LeaseWanted,
    OperationProgress, OperationRow, OrderRow, Orders, Page, PersonRow, Place, PutRelease,
    ReadingRow, ReleaseRow, ShippedRelease, Snapshot, Store, TaskRow, Wanted, select,
};

use writer::Writer;

pub use backup::back_up;
pub use snapshot::read_only;

/// A SQLite file, with mode 0600. Writes are in the file when they return (`synchronous=FULL`).
pub struct Sqlite {
    path: PathBuf,
    place: Place,
    writer: Writer,
}

impl Sqlite {
    /// Opens the store, making it or bringing it to the newest form where needed.
    ///
    /// # Errors
    /// It cannot be written, it is damaged, or a newer version wrote it.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        open::open(path.as_ref()).await
    }

    fn readers(&self) -> SqlitePool {
        self.writer.readers()
    }

    fn failed(&self, error: sqlx::Error) -> Error {
        error::sort(&self.place, error)
    }

    async fn bodies<T: serde::de::DeserializeOwned>(
        &self,
        what: &'static str,
        sql: &'static str,
    ) -> Result<Vec<T>, Error> {
        let rows = sqlx::query(sql)
            .fetch_all(&self.readers())
            .await
            .map_err(|error| self.failed(error))?;
        rows.iter()
            .map(|row| self.place.parse(what, row.get::<&str, _>("body")))
            .collect()
    }

    async fn read_inventory_version(&self) -> Result<u64, Error> {
        let sql = "SELECT value FROM counter WHERE name = 'inventory'";
        let row = sqlx::query(sql).fetch_one(&self.readers()).await;
        let row = row.map_err(|error| self.failed(error))?;
        Ok(row.get::<i64, _>("value").try_into().unwrap_or_default())
    }
}

async fn make(to: &mut SqliteConnection, change: &Change) -> Result<(), sqlx::Error> {
    match change {
        Change::Put(document) => put(to, document).await,
        Change::DeleteTarget(name) => {
            sqlx::query("DELETE FROM reading WHERE target = ?")
                .bind(name.as_str())
                .execute(&mut *to)
                .await?;
            delete(to, "DELETE FROM target WHERE name = ?", name.as_str()).await
        }
        Change::DeleteSchedule(name) => {
            delete(to, "DELETE FROM schedule WHERE name = ?", name.as_str()).await
        }
        Change::DeleteCredential(name) => {
            delete(to, "DELETE FROM credential WHERE name = ?", name.as_str()).await
        }
    }
}

async fn put(to: &mut SqliteConnection, document: &Document) -> Result<(), sqlx::Error> {
    let (sql, name, body) = match document {
        Document::Target(target) => (
            "INSERT INTO target (name, body) VALUES (?, ?)
             ON CONFLICT (name) DO UPDATE SET body = excluded.body",
            target.name.as_str(),
            serde_json::to_string(target),
        ),
        Document::Schedule(schedule) => (
            "INSERT INTO schedule (name, body) VALUES (?, ?)
             ON CONFLICT (name) DO UPDATE SET body = excluded.body",
            schedule.name.as_str(),
            serde_json::to_string(schedule),
        ),
        Document::Credential(credential) => (
            "INSERT INTO credential (name, body) VALUES (?, ?)
             ON CONFLICT (name) DO UPDATE SET body = excluded.body",
            credential.name.as_str(),
            serde_json::to_string(credential),
        ),
    };
    let body = body.map_err(|error| sqlx::Error::Encode(error.into()))?;
    let query = sqlx::query(sql).bind(name).bind(body);
    query.execute(to).await.map(drop)
}

/// The inventory is another one.
async fn count(to: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let sql = "UPDATE counter SET value = value + 1 WHERE name = 'inventory'";
    sqlx::query(sql).execute(to).await.map(drop)
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
        if changes.is_empty() {
            return Ok(());
        }
        let mut transaction = self.writer.begin().await?;
        let made = async {
            for change in changes {
                make(&mut transaction, change).await?;
            }
            count(&mut transaction).await
        };
        let made = made.await;
        transaction.end(made).await
    }

    async fn write(&self, page: &Page) -> Result<(), Error> {
        self.write_page(page).await
    }

    async fn open_operations(&self) -> Result<Vec<(Operation, OperationProgress)>, Error> {
        self.read_open_operations().await
    }

    async fn unfinished(&self) -> Result<Vec<TaskRow>, Error> {
        self.fetch_tasks(select::unfinished()).await
    }

    async fn tasks_of(&self, operation: OperationId) -> Result<Vec<TaskRow>, Error> {
        self.fetch_tasks(select::tasks_of(operation)).await
    }

    async fn operation_by_key(&self, key: &str) -> Result<Option<OperationId>, Error> {
        self.read_operation_by_key(key).await
    }

    async fn operation(&self, id: OperationId) -> Result<Option<OperationRow>, Error> {
        Ok(self.fetch_counted(select::operation(id)).await?.pop())
    }

    async fn operations(
        &self,
        before: Option<OperationId>,
        most: u32,
    ) -> Result<Vec<OperationRow>, Error> {
        self.fetch_counted(select::operations(before, most)).await
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

    async fn gap(&self) -> Result<bool, Error> {
        self.read_gap().await
    }

    async fn put_gap(&self) -> Result<(), Error> {
        self.write_gap().await
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, Error> {
        self.read_snapshot().await
    }

    async fn task(&self, id: TaskId) -> Result<Option<TaskRow>, Error> {
        Ok(self.fetch_tasks(select::task(id)).await?.pop())
    }

    async fn tasks(&self, wanted: &Wanted, most: u32) -> Result<Vec<TaskRow>, Error> {
        self.fetch_tasks(select::tasks(wanted, most)).await
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

    async fn inventory_version(&self) -> Result<u64, Error> {
        self.read_inventory_version().await
    }

    async fn lease(&self, wanted: &LeaseWanted) -> Result<Vec<Lease>, Error> {
        self.write_leases(wanted).await
    }

    async fn orders(&self) -> Result<Orders, Error> {
        self.read_orders().await
    }

    async fn put_order(&self, revision: u64, row: Option<&OrderRow>) -> Result<(), Error> {
        self.write_order(revision, row).await
    }

    async fn put_standing(
        &self,
        revision: u64,
        scope: &Scope,
        order: Option<&Order>,
    ) -> Result<(), Error> {
        self.write_standing(revision, scope, order).await
    }

    async fn kinds_desired(&self) -> Result<KindsDesired, Error> {
        self.read_kinds_desired().await
    }

    async fn put_rollout(
        &self,
        revision: u64,
        kind: Option<&KindRow>,
        rollout: Option<&Rollout>,
    ) -> Result<(), Error> {
        self.write_rollout(revision, kind, rollout).await
    }

    async fn rollouts(&self, before: Option<RolloutId>, most: u32) -> Result<Vec<Rollout>, Error> {
        self.read_rollouts(before, most).await
    }

    async fn rollout(&self, id: RolloutId) -> Result<Option<Rollout>, Error> {
        self.read_rollout(id).await
    }

    async fn releases(&self, kind: Option<&Kind>) -> Result<Vec<ReleaseRow>, Error> {
        self.read_releases(kind).await
    }

    async fn release(&self, digest: &ReleaseDigest) -> Result<Option<ReleaseRow>, Error> {
        self.read_release(digest).await
    }

    async fn put_release(&self, row: &ReleaseRow) -> Result<PutRelease, Error> {
        self.write_release(row).await
    }

    async fn delete_release(&self, digest: &ReleaseDigest) -> Result<bool, Error> {
        self.remove_release(digest).await
    }

    async fn missing_files(&self, files: &[ContentFile]) -> Result<Vec<FileDigest>, Error> {
        self.read_missing(files).await
    }

    async fn put_file(&self, digest: &FileDigest, bytes: &[u8]) -> Result<(), Error> {
        self.write_file(digest, bytes).await
    }

    async fn file_part(&self, digest: &FileDigest, part: u64) -> Result<Option<Vec<u8>>, Error> {
        self.read_part(digest, part).await
    }

    async fn shipped(&self) -> Result<Vec<ShippedRelease>, Error> {
        self.read_shipped().await
    }

    async fn put_shipped(&self, releases: &[ShippedRelease]) -> Result<bool, Error> {
        self.write_shipped(releases).await
    }

    async fn zones(&self) -> Result<Vec<(EnvironmentId, Zone)>, Error> {
        self.read_zones().await
    }

    async fn put_zone(&self, id: &EnvironmentId, zone: &Zone) -> Result<(), Error> {
        self.write_zone(id, zone).await
    }

    async fn delete_zone(&self, id: &EnvironmentId) -> Result<(), Error> {
        self.remove_zone(id).await
    }

    async fn close(&self) {
        self.writer.close().await;
    }
}
