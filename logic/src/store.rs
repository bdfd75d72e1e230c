//! What outlives the process: the inventory, the ledger of control, the last readings.

pub mod copy;
mod error;
mod lease;
mod packed;
mod page;
mod place;
pub mod postgres;
mod release;
mod row;
mod rows;
mod select;
mod snapshot;
pub mod sqlite;

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_api::{
    apply::Document,
    ledger::Lock,
    operation::Counts,
    rollout::{KindAsked, Rollout},
};
use utakata_model::{
    ActionName, Class, ContentFile, Credential, CredentialName, EnvironmentId, FileDigest, Kind,
    Operation, OperationId, Order, Origin, Parameters, PersonName, Priority, ReleaseDigest,
    RolloutId, Schedule, ScheduleName, Scope, Target, TargetName, TaskId, TaskState, Zone,
    duration,
    manifest::{Repeat, Undo, Verify},
};

pub use error::Error;
pub use lease::{Fence, Held, Lease, LeaseWanted, Member};
pub use page::{AuditPage, OperationProgress, Page, TaskProgress};
pub use place::{Database, Place};
pub use release::{PutRelease, ReleaseRow, ShippedRelease, room_for_file};
pub use snapshot::{Snapshot, Visit, WrittenLock, WrittenOperation, WrittenTask};

use crate::{config, token::TokenHash};

/// Opens the store that is configured: the database of the URL, or the SQLite file.
///
/// # Errors
/// As of [`postgres::Postgres::open`] and [`sqlite::Sqlite::open`].
pub async fn open(config: &config::Store, file: &Path) -> Result<Arc<dyn Store>, Error> {
    Ok(match &config.url {
        Some(url) => Arc::new(postgres::Postgres::open(url).await?),
        None => Arc::new(sqlite::Sqlite::open(file).await?),
    })
}

/// A store. What a call wrote is there after a crash once the call has returned, except for
/// readings, of which the last ones may be lost.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The whole inventory.
    async fn inventory(&self) -> Result<Contents, Error>;

    /// Makes these changes of the inventory, all or none.
    async fn change(&self, changes: &[Change]) -> Result<(), Error>;

    /// Writes a page of the ledger, all or nothing. When its page of the audit trail is there
    /// already, all of it is: then it is not written again.
    ///
    /// When this returns, others see it: now and then a page is looked for in another way than it
    /// was written.
    ///
    /// Besides what any call may meet: it is written under a lease that somebody else took
    /// ([`Error::NotHolder`]); an operation's key is taken; another page of the audit
    /// trail has its number ([`Error::OtherWriter`]); the page before it is not there any more
    /// ([`Error::Lost`]); or nobody knows whether it was written ([`Error::InDoubt`]). The same
    /// page again, unchanged, is how to know.
    async fn write(&self, page: &Page) -> Result<(), Error>;

    /// The operations that are open, oldest first, and where they stand.
    async fn open_operations(&self) -> Result<Vec<(Operation, OperationProgress)>, Error>;

    /// The tasks that have not ended, oldest first.
    async fn unfinished(&self) -> Result<Vec<TaskRow>, Error>;

    /// All tasks of an operation, oldest first.
    async fn tasks_of(&self, operation: OperationId) -> Result<Vec<TaskRow>, Error>;

    /// The operation that was asked for under a key.
    async fn operation_by_key(&self, key: &str) -> Result<Option<OperationId>, Error>;

    /// An operation.
    async fn operation(&self, id: OperationId) -> Result<Option<OperationRow>, Error>;

    /// Operations, newest first, those before `before` if given.
    async fn operations(
        &self,
        before: Option<OperationId>,
        most: u32,
    ) -> Result<Vec<OperationRow>, Error>;

    /// The targets that are locked.
    async fn locks(&self) -> Result<Vec<(TargetName, Lock)>, Error>;

    /// Pages of the audit trail from this number on, in their order.
    async fn audit(&self, from: u64, most: u32) -> Result<Vec<AuditPage>, Error>;

    /// The last page of the audit trail.
    async fn audit_head(&self) -> Result<Option<AuditPage>, Error>;

    /// Whether the ledger may lack what was done after its last page: it came from a backup, or
    /// pages that had been written are not there any more. It stays so until a page closes it.
    async fn gap(&self) -> Result<bool, Error>;

    /// Says that the ledger may lack what was done after its last page.
    async fn put_gap(&self) -> Result<(), Error>;

    /// All that the ledger has written, as it is now.
    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, Error>;

    /// A task.
    async fn task(&self, id: TaskId) -> Result<Option<TaskRow>, Error>;

    /// Tasks, newest first.
    async fn tasks(&self, wanted: &Wanted, most: u32) -> Result<Vec<TaskRow>, Error>;

    /// Writes last readings, over those of the same target and action. Targets that are not in
    /// the inventory are left out.
    async fn put_readings(&self, rows: &[ReadingRow]) -> Result<(), Error>;

    /// The last readings of all targets.
    async fn readings(&self) -> Result<Vec<ReadingRow>, Error>;

    /// All people who have a token of their own, by name.
    async fn people(&self) -> Result<Vec<PersonRow>, Error>;

    /// Writes a person, in place of the one who had the name.
    async fn put_person(&self, row: &PersonRow) -> Result<(), Error>;

    /// No such person, whether there was one or not.
    async fn delete_person(&self, name: &PersonName) -> Result<(), Error>;

    /// Grows with every change of targets, schedules, credentials, people, releases and zones of
    /// environments: who keeps a copy of them reads them again when this is another one.
    async fn inventory_version(&self) -> Result<u64, Error>;

    /// Gives back, renews and takes leases, at one moment, and tells all that there are. All of
    /// a member are renewed, and those that ended, too, if nobody took them since.
    async fn lease(&self, wanted: &LeaseWanted) -> Result<Vec<Lease>, Error>;

    /// What is asked of environments.
    async fn orders(&self) -> Result<Orders, Error>;

    /// Writes the revision of the orders, and what is asked of an environment in place of what
    /// was (nothing, where its orders are empty), all or nothing.
    async fn put_order(&self, revision: u64, row: Option<&OrderRow>) -> Result<(), Error>;

    /// Writes the revision of the orders, and the order for a zone, a kind or a release in place
    /// of the one that was (`None`: none), all or nothing.
    async fn put_standing(
        &self,
        revision: u64,
        scope: &Scope,
        order: Option<&Order>,
    ) -> Result<(), Error>;

    /// What is asked of kinds, and the rollouts that are open.
    async fn kinds_desired(&self) -> Result<KindsDesired, Error>;

    /// Writes the revision of what is asked, and of a kind and a rollout what is given, in place
    /// of what was, all or nothing.
    async fn put_rollout(
        &self,
        revision: u64,
        kind: Option<&KindRow>,
        rollout: Option<&Rollout>,
    ) -> Result<(), Error>;

    /// Rollouts, newest first, those before `before` if given.
    async fn rollouts(&self, before: Option<RolloutId>, most: u32) -> Result<Vec<Rollout>, Error>;

    /// A rollout.
    async fn rollout(&self, id: RolloutId) -> Result<Option<Rollout>, Error>;

    /// The releases of the catalogue, or those of a kind, by kind, those that were pushed first
    /// before the others.
    async fn releases(&self, kind: Option<&Kind>) -> Result<Vec<ReleaseRow>, Error>;

    /// A release of the catalogue.
    async fn release(&self, digest: &ReleaseDigest) -> Result<Option<ReleaseRow>, Error>;

    /// Writes a release, if all of its files are there and no other one has its kind and version.
    /// Of one that is there only the content is written: signatures are no part of a digest.
    async fn put_release(&self, row: &ReleaseRow) -> Result<PutRelease, Error>;

    /// No such release, and no file that no release has; whether there was one.
    async fn delete_release(&self, digest: &ReleaseDigest) -> Result<bool, Error>;

    /// Which of these files are not there as a whole, each once.
    async fn missing_files(&self, files: &[ContentFile]) -> Result<Vec<FileDigest>, Error>;

    /// Writes a file, part by part, where it is not there yet. Whoever calls it has seen that
    /// this is its digest. It is there as long as a release has it, or until one is deleted.
    async fn put_file(&self, digest: &FileDigest, bytes: &[u8]) -> Result<(), Error>;

    /// The releases that come with utakata, of every version of it that was here, by digest.
    async fn shipped(&self) -> Result<Vec<ShippedRelease>, Error>;

    /// Adds releases that come with utakata; those that are there stay as they are. Whether any
    /// was not there.
    async fn put_shipped(&self, releases: &[ShippedRelease]) -> Result<bool, Error>;

    /// The zones of environments, by id.
    async fn zones(&self) -> Result<Vec<(EnvironmentId, Zone)>, Error>;

    /// Writes the zone of an environment, unless it has one.
    async fn put_zone(&self, id: &EnvironmentId, zone: &Zone) -> Result<(), Error>;

    /// No zone of this environment, whether it had one or not.
    async fn delete_zone(&self, id: &EnvironmentId) -> Result<(), Error>;

    /// A part of a file, counted from 0.
    async fn file_part(&self, digest: &FileDigest, part: u64) -> Result<Option<Vec<u8>>, Error>;

    /// Ends it in order. It is not used afterwards.
    async fn close(&self);
}

/// The whole inventory.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Contents {
    /// Targets by name.
    pub targets: Vec<Target>,
    /// Schedules by name.
    pub schedules: Vec<Schedule>,
    /// Credentials by name.
    pub credentials: Vec<Credential>,
}

/// One change of the inventory.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// This shall be, in place of what had its name.
    Put(Document),
    /// No such target, and none of its readings.
    DeleteTarget(TargetName),
    /// No such schedule.
    DeleteSchedule(ScheduleName),
    /// No such credential.
    DeleteCredential(CredentialName),
}

/// A control task as it was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ControlTask {
    /// Its identifier.
    pub id: TaskId,
    /// Why there is such a task.
    pub operation: OperationId,
    /// The target.
    pub target: TargetName,
    /// Its kind.
    pub kind: Kind,
    /// What is to be done.
    pub action: ActionName,
    /// With which parameters.
    pub parameters: Parameters,
    /// How long an attempt may take.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// When it was made.
    pub made: Timestamp,
    /// It is not begun after this, whatever it waits for.
    pub expires: Timestamp,
    /// Once it is its turn, it is not begun later than this.
    #[serde(with = "duration", default)]
    pub lifetime: Duration,
    /// Who goes first.
    #[serde(default)]
    pub priority: Priority,
    /// For each `at_most` of the operation's pace, the value that the target had.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paced: Vec<Option<Arc<str>>>,
    /// Whether doing it twice does no harm.
    #[serde(default)]
    pub repeat: Repeat,
    /// How its effect is read back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verify>,
    /// How it is taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Undo>,
}

impl ControlTask {
    /// Why there is such a task.
    pub fn origin(&self) -> Origin {
        Origin::Operation(self.operation)
    }

    /// Always control.
    pub fn class(&self) -> Class {
        Class::Control
    }
}

/// A control task and where it stands.
#[derive(Debug, Clone)]
pub struct TaskRow {
    /// The task as it was made.
    pub task: ControlTask,
    /// Where it stands.
    pub progress: TaskProgress,
}

/// An operation and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct OperationRow {
    /// As it was asked for.
    pub operation: Operation,
    /// Where it stands.
    pub progress: OperationProgress,
    /// How many of its tasks are in each state.
    pub counts: Counts,
    /// The operations that take it back, oldest first.
    pub undone_by: Vec<OperationId>,
}

/// Which tasks; absent means any.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wanted {
    /// Of this operation.
    pub operation: Option<OperationId>,
    /// In this state.
    pub state: Option<TaskState>,
    /// Of this target.
    pub target: Option<TargetName>,
    /// Made before this one.
    pub before: Option<TaskId>,
}

/// What was last seen of a target by one action.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadingRow {
    /// The target.
    pub target: TargetName,
    /// The action.
    pub action: ActionName,
    /// JSON, of which the store knows nothing.
    pub body: String,
}

/// A person, known by a token of which only the hash is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRow {
    /// The name.
    pub name: PersonName,
    /// The hash of the token.
    pub token_hash: TokenHash,
    /// When the token was made.
    pub made: Timestamp,
}

/// What is asked of environments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Orders {
    /// The last revision; 0 when nothing was ever asked.
    pub revision: u64,
    /// Those of which anything is asked, by name.
    pub rows: Vec<OrderRow>,
    /// What is asked of zones, kinds and releases.
    pub standing: BTreeMap<Scope, Order>,
}

/// What is asked of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRow {
    /// The environment.
    pub environment: EnvironmentId,
    /// Its zone when it was last asked something.
    pub zone: Zone,
    /// What is asked.
    pub orders: utakata_model::Orders,
}

/// What is asked of kinds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KindsDesired {
    /// Those of which anything was ever asked, by name.
    pub kinds: Vec<KindRow>,
    /// The rollouts that are open, oldest first.
    pub open: Vec<Rollout>,
}

/// What is asked of a kind.
#[derive(Debug, Clone, PartialEq)]
pub struct KindRow {
    /// The kind.
    pub kind: Kind,
    /// What is asked.
    pub asked: KindAsked,
}
