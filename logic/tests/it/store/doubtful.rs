//! A store that loses its connection during a commit, as often as the test says.

use std::{collections::VecDeque, sync::Arc};

use async_trait::async_trait;
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use utakata_api::{ledger::Lock, rollout::Rollout};
use utakata_logic::store::{
    AlarmChangeRow, AlarmRow, Alarms, Audit, AuditPage, Catalogue, Change, Contents, Desired,
    Discovery, Environments, Error, Inventory, KeyRow, KindRow, KindsDesired, Lease, LeaseRequest,
    Leases, Ledger, Notifications, OperationProgress, OperationRow, OrderRow, Orders, People,
    PeopleChange, PeopleRows, Place, PolicyLogRow, PutRelease, ReadingRow, Readings, ReleaseRow,
    Seal, Sealing, ShippedRelease, Smart, Snapshot, Store, TaskFilter, TaskRow, WriteBatch,
};
use utakata_model::{
    ContentFile, EnvironmentId, FileDigest, Kind, Notification, Operation, OperationId, Order,
    ReleaseDigest, RolloutId, Scope, TargetName, TaskId, Zone,
};
use utakata_seal::SealedCredential;

/// The fate of a page whose writer gets no answer.
#[derive(Debug, Clone)]
pub enum Fate {
    /// It was committed.
    Written,
    /// It was not committed.
    Lost,
    /// The database cannot be reached at all.
    Away,
    /// The write waits for this, and then succeeds.
    Slow(Arc<Semaphore>),
    /// The write waits for this, and then the disk is full.
    SlowAndFull(Arc<Semaphore>),
}

/// A store that writes to another one, with doubtful answers.
pub struct Doubtful {
    pub store: Arc<dyn Store>,
    /// The fates of the next pages; later pages are written normally.
    pub fates: Arc<Mutex<VecDeque<Fate>>>,
}

impl Doubtful {
    fn place(&self) -> Place {
        Place::File(std::path::Path::new("doubtful").into())
    }
}

macro_rules! delegate {
    ($($noun:ident { $($name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)* })*) => {
        $(#[async_trait]
        impl $noun for Doubtful {
            $(async fn $name(&self, $($argument: $type),*) -> Result<$answer, Error> {
                self.store.$name($($argument),*).await
            })*
        })*
    };
}

#[async_trait]
impl Ledger for Doubtful {
    async fn write(&self, page: &WriteBatch) -> Result<(), Error> {
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

    async fn open_operations(&self) -> Result<Vec<(Operation, OperationProgress)>, Error> {
        self.store.open_operations().await
    }

    async fn unfinished(&self) -> Result<Vec<TaskRow>, Error> {
        self.store.unfinished().await
    }

    async fn tasks_of(&self, operation: OperationId) -> Result<Vec<TaskRow>, Error> {
        self.store.tasks_of(operation).await
    }

    async fn operation_by_key(&self, key: &str) -> Result<Option<OperationId>, Error> {
        self.store.operation_by_key(key).await
    }

    async fn operation(&self, id: OperationId) -> Result<Option<OperationRow>, Error> {
        self.store.operation(id).await
    }

    async fn operation_with_tasks(
        &self,
        id: OperationId,
        max: u32,
    ) -> Result<Option<(OperationRow, Vec<TaskRow>)>, Error> {
        self.store.operation_with_tasks(id, max).await
    }

    async fn operations(
        &self,
        before: Option<OperationId>,
        max: u32,
    ) -> Result<Vec<OperationRow>, Error> {
        self.store.operations(before, max).await
    }

    async fn locks(&self) -> Result<Vec<(TargetName, Lock)>, Error> {
        self.store.locks().await
    }

    async fn task(&self, id: TaskId) -> Result<Option<TaskRow>, Error> {
        self.store.task(id).await
    }

    async fn tasks(&self, wanted: &TaskFilter, max: u32) -> Result<Vec<TaskRow>, Error> {
        self.store.tasks(wanted, max).await
    }
}

#[async_trait]
impl Store for Doubtful {
    async fn close(&self) {
        self.store.close().await;
    }
}

delegate! {
    Inventory {
        inventory() -> Contents;
        change(changes: &[Change]) -> ();
        inventory_version() -> u64;
    }
    Sealing {
        seal() -> Option<Seal>;
        begin_seal(seal: &Seal) -> Seal;
        reseal(seal: &Seal, credentials: &[SealedCredential], version: u64) -> bool;
        scrub() -> ();
    }
    Alarms {
        alarms() -> Vec<AlarmRow>;
        alarm_changes(after: u64, max: u32) -> Vec<AlarmChangeRow>;
        last_alarm_change() -> u64;
        alarms_told() -> Vec<(String, u64)>;
    }
    Smart {
        gate() -> Vec<(String, String)>;
        policy_states() -> Vec<(String, String)>;
        policy_log(instance: &str, before: Timestamp, max: u32) -> Vec<PolicyLogRow>;
    }
    Audit {
        audit(from: u64, max: u32) -> Vec<AuditPage>;
        audit_head() -> Option<AuditPage>;
        gap() -> bool;
        put_gap() -> ();
        snapshot() -> Box<dyn Snapshot>;
    }
    Readings {
        readings() -> Vec<ReadingRow>;
        delete_readings() -> ();
    }
    People {
        people() -> PeopleRows;
        change_people(changes: &[PeopleChange]) -> ();
    }
    Leases {
        lease(wanted: &LeaseRequest) -> Vec<Lease>;
    }
    Desired {
        orders() -> Orders;
        put_order(revision: u64, row: Option<&OrderRow>) -> ();
        put_standing(revision: u64, scope: &Scope, order: Option<&Order>) -> ();
        kinds_desired() -> KindsDesired;
        put_rollout(revision: u64, kind: Option<&KindRow>, rollout: Option<&Rollout>) -> ();
        rollouts(before: Option<RolloutId>, max: u32) -> Vec<Rollout>;
        rollout(id: RolloutId) -> Option<Rollout>;
    }
    Catalogue {
        releases(kind: Option<&Kind>) -> Vec<ReleaseRow>;
        release(digest: &ReleaseDigest) -> Option<ReleaseRow>;
        put_release(row: &ReleaseRow) -> PutRelease;
        rename_release(from: &ReleaseDigest, to: &ReleaseDigest) -> ();
        delete_release(digest: &ReleaseDigest) -> bool;
        missing_files(files: &[ContentFile]) -> Vec<FileDigest>;
        put_file(digest: &FileDigest, bytes: &[u8]) -> ();
        file_part(digest: &FileDigest, part: u64) -> Option<Vec<u8>>;
        shipped() -> Vec<ShippedRelease>;
        put_shipped(releases: &[ShippedRelease]) -> bool;
    }
    Notifications {
        put_notifications(rows: &[Notification]) -> ();
        notifications() -> Vec<Notification>;
        drop_notifications(before: Timestamp) -> ();
    }
    Discovery {
        sightings() -> Vec<(String, String)>;
        change_sightings(put: &[(String, String)], delete: &[String]) -> ();
    }
    Environments {
        zones() -> Vec<(EnvironmentId, Zone)>;
        put_zone(id: &EnvironmentId, zone: &Zone) -> ();
        delete_zone(id: &EnvironmentId) -> ();
        keys() -> Vec<KeyRow>;
        put_key(row: &KeyRow) -> ();
        delete_key(id: &EnvironmentId) -> ();
    }
}
