//! All that the ledger has written, as it was at one moment, in the store's own words: for who
//! does not believe them.

use async_trait::async_trait;

use super::{AuditPage, Error};

/// All that the ledger has written, as it was at one moment, however long it is looked at.
/// Everything comes one by one, so that it never has to be in memory as a whole.
#[async_trait]
pub trait Snapshot: Send {
    /// The pages of the audit trail, in their order.
    async fn each_page(&mut self, visit: Visit<'_, AuditPage>) -> Result<(), Error>;

    /// The operations, oldest first.
    async fn each_operation(&mut self, visit: Visit<'_, WrittenOperation>) -> Result<(), Error>;

    /// The tasks, oldest first.
    async fn each_task(&mut self, visit: Visit<'_, WrittenTask>) -> Result<(), Error>;

    /// The locks, by target.
    async fn each_lock(&mut self, visit: Visit<'_, WrittenLock>) -> Result<(), Error>;
}

/// A visitor of each.
pub type Visit<'a, T> = &'a mut (dyn FnMut(T) + Send);

/// An operation, as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WrittenOperation {
    /// The identifier.
    pub id: String,
    /// The operation, as JSON.
    pub body: String,
    /// The progress, as JSON; absent in rows from before there was a trail.
    pub progress: Option<String>,
}

/// A task, as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WrittenTask {
    /// The identifier.
    pub id: String,
    /// The operation.
    pub operation: String,
    /// The target.
    pub target: String,
    /// The state.
    pub state: String,
    /// The task, as JSON.
    pub body: String,
    /// The progress, as JSON; absent in rows from before there was a trail.
    pub progress: Option<String>,
}

/// A lock, as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WrittenLock {
    /// The target.
    pub target: String,
    /// The lock, as JSON.
    pub body: String,
}
