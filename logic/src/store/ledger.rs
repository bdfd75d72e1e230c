//! The ledger of control as it is kept: operations, tasks, locks.

use async_trait::async_trait;
use utakata_api::{ledger::Lock, operation::Counts};
use utakata_model::{Operation, OperationId, TargetName, TaskId, TaskState};

use super::{ControlTask, Error, OperationProgress, TaskProgress, WriteBatch};

/// Operations, control tasks and locks, written batch by batch.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Writes a batch, all or nothing. When its page of the audit trail is there
    /// already, all of it is: then it is not written again.
    ///
    /// When this returns, others see it: now and then a batch is looked for in another way than it
    /// was written.
    ///
    /// Besides what any call may meet: it is written under a lease that somebody else took
    /// ([`Error::NotHolder`]); an operation's key is taken; another page of the audit
    /// trail has its number ([`Error::OtherWriter`]); the page before it is not there any more
    /// ([`Error::Lost`]); or nobody knows whether it was written ([`Error::InDoubt`]). The same
    /// batch again, unchanged, is how to know.
    async fn write(&self, batch: &WriteBatch) -> Result<(), Error>;

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

    /// An operation and the last of its tasks, oldest first, as of one moment.
    async fn operation_with_tasks(
        &self,
        id: OperationId,
        max: u32,
    ) -> Result<Option<(OperationRow, Vec<TaskRow>)>, Error>;

    /// Operations, newest first, those before `before` if given.
    async fn operations(
        &self,
        before: Option<OperationId>,
        max: u32,
    ) -> Result<Vec<OperationRow>, Error>;

    /// The targets that are locked.
    async fn locks(&self) -> Result<Vec<(TargetName, Lock)>, Error>;

    /// A task.
    async fn task(&self, id: TaskId) -> Result<Option<TaskRow>, Error>;

    /// Tasks, newest first.
    async fn tasks(&self, filter: &TaskFilter, max: u32) -> Result<Vec<TaskRow>, Error>;
}

/// A control task and where it stands.
#[derive(Debug, Clone)]
pub struct TaskRow {
    /// The task as it was made.
    pub task: ControlTask,
    /// Its progress.
    pub progress: TaskProgress,
}

/// An operation and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct OperationRow {
    /// As it was asked for.
    pub operation: Operation,
    /// Its progress.
    pub progress: OperationProgress,
    /// The number of its tasks in each state.
    pub counts: Counts,
    /// The operations that take it back, oldest first.
    pub undone_by: Vec<OperationId>,
}

/// A filter of tasks; an absent field means any.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TaskFilter {
    /// The operation that they belong to.
    pub operation: Option<OperationId>,
    /// In this state.
    pub state: Option<TaskState>,
    /// The target that they are for.
    pub target: Option<TargetName>,
    /// Made before this one.
    pub before: Option<TaskId>,
}
