//! What outlives the process: the inventory, the ledger of control, the last readings.

#[cfg(test)]
mod conformance;
mod error;
pub mod sqlite;

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_api::{apply::Document, operation::Counts};
use utakata_model::{
    ActionName, Class, Credential, CredentialName, Kind, Operation, OperationId, Origin, Outcome,
    Parameters, Schedule, ScheduleName, Target, TargetName, TaskId, TaskState, duration,
};

pub use error::Error;

/// A store. What a call wrote is there after a crash once the call has returned, except for
/// readings, of which the last ones may be lost.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The whole inventory.
    async fn inventory(&self) -> Result<Contents, Error>;

    /// Makes these changes of the inventory, all or none.
    async fn change(&self, changes: &[Change]) -> Result<(), Error>;

    /// Writes an operation and its tasks down, all or nothing: each is `planned`.
    async fn plan(&self, operation: &Operation, tasks: &[ControlTask]) -> Result<(), Error>;

    /// The planned tasks of an operation were handed over: they are `queued`, unless they have
    /// ended already.
    async fn queued(&self, operation: OperationId) -> Result<(), Error>;

    /// Writes outcomes down, all or none. A task that has ended stays as it ended: the ids of
    /// those that changed come back.
    async fn end(&self, outcomes: &[Outcome]) -> Result<Vec<TaskId>, Error>;

    /// The tasks that have not ended.
    async fn unfinished(&self) -> Result<Vec<TaskRow>, Error>;

    /// An operation, with its counts.
    async fn operation(&self, id: OperationId) -> Result<Option<(Operation, Counts)>, Error>;

    /// Operations, newest first, those before `before` if given.
    async fn operations(
        &self,
        before: Option<OperationId>,
        most: u32,
    ) -> Result<Vec<(Operation, Counts)>, Error>;

    /// A task.
    async fn task(&self, id: TaskId) -> Result<Option<TaskRow>, Error>;

    /// Tasks, newest first.
    async fn tasks(&self, wanted: &Wanted, most: u32) -> Result<Vec<TaskRow>, Error>;

    /// Writes last readings, over those of the same target and action. Targets that are not in
    /// the inventory are left out.
    async fn put_readings(&self, rows: &[ReadingRow]) -> Result<(), Error>;

    /// The last readings of all targets.
    async fn readings(&self) -> Result<Vec<ReadingRow>, Error>;

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
    /// Which try at it this is, from 1.
    pub attempt: u32,
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
    /// It is not begun after this.
    pub expires: Timestamp,
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
    pub state: TaskState,
    /// How it ended.
    pub outcome: Option<Outcome>,
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
