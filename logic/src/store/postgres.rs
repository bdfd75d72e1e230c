//! The store of many machines: a database of PostgreSQL.
//!
//! Connections come from a pool and are made anew after they were lost. Every call has a
//! deadline. A page is one transaction of few statements, however many rows it has: columns are
//! sent as arrays.

mod connection;
mod copy;
mod error;
mod gap;
mod identity;
mod inventory;
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

use async_trait::async_trait;
use sqlx::{PgPool, postgres::PgConnectOptions};
use tokio::time::Instant;
use utakata_api::{ledger::Lock, rollout::Rollout};
use utakata_model::{
    ContentFile, EnvironmentId, FileDigest, Kind, Operation, OperationId, Order, PersonName,
    ReleaseDigest, RolloutId, Scope, TargetName, TaskId, Zone,
};

use super::{
    AuditPage, Change, Contents, Error, KindRow, KindsDesired, Lease, LeaseWanted,
    OperationProgress, OperationRow, OrderRow, Orders, Page, PersonRow, Place, PutRelease,
    ReadingRow, ReleaseRow, ShippedRelease, Snapshot, Store, TaskRow, Wanted, select,
};

/// A database of PostgreSQL.
pub struct Postgres {
    place: Place,
    options: PgConnectOptions,
    pool: PgPool,
    identity: identity::Identity,
    /// When a page was last looked for on another connection.
    looked: parking_lot::Mutex<Option<Instant>>,
}

impl Postgres {
    /// Opens the store, bringing the database to the newest form where needed. Of several that
    /// do so at the same time one does it, the others wait.
    ///
    /// # Errors
    /// The database does not answer, does not let us in, is damaged, or a newer version wrote it.
    pub async fn open(url: &crate::config::Url) -> Result<Self, Error> {
        open::open(url).await
    }
}

#[async_trait]
impl Store for Postgres {
    async fn inventory(&self) -> Result<Contents, Error> {
        self.read_inventory().await
    }

    async fn change(&self, changes: &[Change]) -> Result<(), Error> {
        self.write_changes(changes).await
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
        self.put_standing_order(revision, scope, order).await
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
        // What hangs does not hold up the end.
        let _ = tokio::time::timeout(connection::CONNECT, self.pool.close()).await;
    }
}
