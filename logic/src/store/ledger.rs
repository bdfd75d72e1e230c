//! The stored ledger of control: operations, tasks, locks.

use async_trait::async_trait;
use utakata_api::{ledger::Lock, operation::Counts};
use utakata_model::{Operation, OperationId, TargetName, TaskId, TaskState};

use super::{ControlTask, Error, OperationProgress, TaskProgress, WriteBatch};

/// Operations, control tasks and locks, written batch by batch.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Writes a batch, all or nothing. If its page of the audit trail is stored already, the whole
    /// batch is: then it is not written again.
    ///
    /// Once this returns, others see it: from time to time a batch is looked up in another way than
    /// it was written.
    ///
    /// Besides the errors of any call: another member took the lease under which it is written
    /// ([`Error::NotHolder`]); an operation's key is taken; another page of the audit trail has its
    /// number ([`Error::OtherWriter`]); the previous page is missing ([`Error::Lost`]); or it is not
    /// known if it was written ([`Error::InDoubt`]): to find out, write the same batch again,
    /// unchanged.
    async fn write(&self, batch: &WriteBatch) -> Result<(), Error>;

    /// Returns the open operations with their progress, oldest first.
    async fn open_operations(&self) -> Result<Vec<(Operation, OperationProgress)>, Error>;

    /// Returns the tasks that have not ended, oldest first.
    async fn unfinished(&self) -> Result<Vec<TaskRow>, Error>;

    /// Returns all tasks of an operation, oldest first.
    async fn tasks_of(&self, operation: OperationId) -> Result<Vec<TaskRow>, Error>;

    /// Returns the operation requested under a key.
    async fn operation_by_key(&self, key: &str) -> Result<Option<OperationId>, Error>;

    async fn operation(&self, id: OperationId) -> Result<Option<OperationRow>, Error>;

    /// Returns an operation and the last of its tasks, oldest first, read at one moment.
    async fn operation_with_tasks(
        &self,
        id: OperationId,
        max: u32,
    ) -> Result<Option<(OperationRow, Vec<TaskRow>)>, Error>;

    /// Returns operations, newest first, optionally only those before `before`.
    async fn operations(
        &self,
        before: Option<OperationId>,
        max: u32,
    ) -> Result<Vec<OperationRow>, Error>;

    /// Returns the locked targets.
    async fn locks(&self) -> Result<Vec<(TargetName, Lock)>, Error>;

    async fn task(&self, id: TaskId) -> Result<Option<TaskRow>, Error>;

    /// Returns tasks, newest first.
    async fn tasks(&self, filter: &TaskFilter, max: u32) -> Result<Vec<TaskRow>, Error>;
}

/// A control task with its progress.
#[derive(Debug, Clone)]
pub struct TaskRow {
    /// The task as created.
    pub task: ControlTask,
    pub progress: TaskProgress,
}

/// An operation with its progress.
#[derive(Debug, Clone, PartialEq)]
pub struct OperationRow {
    /// The operation as requested.
    pub operation: Operation,
    pub progress: OperationProgress,
    /// The number of its tasks in each state.
    pub counts: Counts,
    /// The operations that undo it, oldest first.
    pub undone_by: Vec<OperationId>,
}

/// A filter for tasks; an absent field matches any.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TaskFilter {
    /// The operation that they belong to.
    pub operation: Option<OperationId>,
    /// The state that they are in.
    pub state: Option<TaskState>,
    /// The target that they are for.
    pub target: Option<TargetName>,
    /// Created before this one.
    pub before: Option<TaskId>,
}
