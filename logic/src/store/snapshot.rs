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

/// What is done with each.
pub type Visit<'a, T> = &'a mut (dyn FnMut(T) + Send);

/// An operation, as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WrittenOperation {
    /// Its identifier.
    pub id: String,
    /// What was asked for, as JSON.
    pub body: String,
    /// Where it stands, as JSON; absent in rows of before there was a trail.
    pub progress: Option<String>,
}

/// A task, as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WrittenTask {
    /// Its identifier.
    pub id: String,
    /// Its operation.
    pub operation: String,
    /// Its target.
    pub target: String,
    /// Its state.
    pub state: String,
    /// What is to be done, as JSON.
    pub body: String,
    /// Where it stands, as JSON; absent in rows of before there was a trail.
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
