//! A store that loses its connection while a page is committed, as often as the test says.

use std::{collections::VecDeque, sync::Arc};

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use utakata_api::{ledger::Lock, rollout::Rollout};
use utakata_logic::store::{
    AuditPage, Change, Contents, Error, KindRow, KindsDesired, Lease, LeaseWanted,
    OperationProgress, OperationRow, OrderRow, Orders, Page, PersonRow, Place, PutRelease,
    ReadingRow, ReleaseRow, ShippedRelease, Snapshot, Store, TaskRow, Wanted,
};
use utakata_model::{
    ContentFile, EnvironmentId, FileDigest, Kind, Operation, OperationId, Order, PersonName,
    ReleaseDigest, RolloutId, Scope, TargetName, TaskId, Zone,
};

/// What becomes of a page whose writer hears nothing.
#[derive(Debug, Clone)]
pub enum Fate {
    /// It was committed.
    Written,
    /// It was not.
    Lost,
    /// The database cannot be reached at all.
    Away,
    /// Its writer waits for this, and then it is written.
    Slow(Arc<Semaphore>),
    /// Its writer waits for this, and then the disk is full.
    SlowAndFull(Arc<Semaphore>),
}

/// Writes to another store.
pub struct Doubtful {
    pub store: Arc<dyn Store>,
    /// What becomes of the next pages; of those after them, nothing bad.
    pub fates: Arc<Mutex<VecDeque<Fate>>>,
}

impl Doubtful {
    fn place(&self) -> Place {
        Place::File(std::path::Path::new("doubtful").into())
    }
}

macro_rules! delegate {
    ($($name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl Store for Doubtful {
            async fn write(&self, page: &Page) -> Result<(), Error> {
                let fate = self.fates.lock().pop_front();
                let (place, reason) = (self.place(), "the test says so".to_owned());
                match fate {
                    None => self.store.write(page).await,
                    Some(Fate::Slow(until)) => {
                        until.acquire().await.unwrap().forget();
                        self.store.write(page).await
                    }
                    Some(Fate::SlowAndFull(until)) => {
                        until.acquire().await.unwrap().forget();
                        Err(Error::Full { place })
                    }
                    Some(Fate::Away) => Err(Error::Away { place, reason }),
                    Some(Fate::Lost) => Err(Error::InDoubt { place, reason }),
                    Some(Fate::Written) => {
                        self.store.write(page).await?;
                        Err(Error::InDoubt { place, reason })
                    }
                }
            }

            async fn close(&self) {
                self.store.close().await;
            }

            $(async fn $name(&self, $($argument: $type),*) -> Result<$answer, Error> {
                self.store.$name($($argument),*).await
            })*
        }
    };
}

delegate! {
    inventory() -> Contents;
    change(changes: &[Change]) -> ();
    open_operations() -> Vec<(Operation, OperationProgress)>;
    unfinished() -> Vec<TaskRow>;
    tasks_of(operation: OperationId) -> Vec<TaskRow>;
    operation_by_key(key: &str) -> Option<OperationId>;
    operation(id: OperationId) -> Option<OperationRow>;
    operations(before: Option<OperationId>, most: u32) -> Vec<OperationRow>;
    locks() -> Vec<(TargetName, Lock)>;
    audit(from: u64, most: u32) -> Vec<AuditPage>;
    audit_head() -> Option<AuditPage>;
    gap() -> bool;
    put_gap() -> ();
    snapshot() -> Box<dyn Snapshot>;
    task(id: TaskId) -> Option<TaskRow>;
    tasks(wanted: &Wanted, most: u32) -> Vec<TaskRow>;
    put_readings(rows: &[ReadingRow]) -> ();
    readings() -> Vec<ReadingRow>;
    people() -> Vec<PersonRow>;
    put_person(row: &PersonRow) -> ();
    delete_person(name: &PersonName) -> ();
    inventory_version() -> u64;
    lease(wanted: &LeaseWanted) -> Vec<Lease>;
    orders() -> Orders;
    put_order(revision: u64, row: Option<&OrderRow>) -> ();
    put_standing(revision: u64, scope: &Scope, order: Option<&Order>) -> ();
    kinds_desired() -> KindsDesired;
    put_rollout(revision: u64, kind: Option<&KindRow>, rollout: Option<&Rollout>) -> ();
    rollouts(before: Option<RolloutId>, most: u32) -> Vec<Rollout>;
    rollout(id: RolloutId) -> Option<Rollout>;
    releases(kind: Option<&Kind>) -> Vec<ReleaseRow>;
    release(digest: &ReleaseDigest) -> Option<ReleaseRow>;
    put_release(row: &ReleaseRow) -> PutRelease;
    delete_release(digest: &ReleaseDigest) -> bool;
    missing_files(files: &[ContentFile]) -> Vec<FileDigest>;
    put_file(digest: &FileDigest, bytes: &[u8]) -> ();
    file_part(digest: &FileDigest, part: u64) -> Option<Vec<u8>>;
    shipped() -> Vec<ShippedRelease>;
    put_shipped(releases: &[ShippedRelease]) -> bool;
    zones() -> Vec<(EnvironmentId, Zone)>;
    put_zone(id: &EnvironmentId, zone: &Zone) -> ();
    delete_zone(id: &EnvironmentId) -> ();
}
