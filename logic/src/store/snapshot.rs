//! Everything that the ledger has written as of one moment, in its stored form, for verification.

use async_trait::async_trait;

use super::{AuditPage, Error};

/// Everything that the ledger has written as of one moment, however long reading takes. Items are
/// visited one by one, so that they never have to be in memory as a whole.
#[async_trait]
pub trait Snapshot: Send {
    /// Visits the pages of the audit trail, in order.
    async fn each_page(&mut self, visit: Visit<'_, AuditPage>) -> Result<(), Error>;

    /// Visits the operations, oldest first.
    async fn each_operation(&mut self, visit: Visit<'_, WrittenOperation>) -> Result<(), Error>;

    /// Visits the tasks, oldest first.
    async fn each_task(&mut self, visit: Visit<'_, WrittenTask>) -> Result<(), Error>;

    /// Visits the locks, by target.
    async fn each_lock(&mut self, visit: Visit<'_, WrittenLock>) -> Result<(), Error>;
}

/// A visitor of each item.
pub type Visit<'a, T> = &'a mut (dyn FnMut(T) + Send);

/// An operation in its stored form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WrittenOperation {
    pub id: String,
    /// The operation, as JSON.
    pub body: String,
    /// The progress, as JSON; absent in rows from before there was a trail.
    pub progress: Option<String>,
}

/// A task in its stored form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WrittenTask {
    pub id: String,
    pub operation: String,
    pub target: String,
    pub state: String,
    /// The task, as JSON.
    pub body: String,
    /// The progress, as JSON; absent in rows from before there was a trail.
    pub progress: Option<String>,
}

/// A lock in its stored form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WrittenLock {
    pub target: String,
    /// The lock, as JSON.
    pub body: String,
}
