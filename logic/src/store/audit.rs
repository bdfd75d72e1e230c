//! The stored audit trail.

use async_trait::async_trait;

use super::{AuditPage, Error, Snapshot};

/// The audit trail, and the completeness of the ledger.
#[async_trait]
pub trait Audit: Send + Sync {
    /// Returns pages of the audit trail from this number on, in order.
    async fn audit(&self, from: u64, max: u32) -> Result<Vec<AuditPage>, Error>;

    /// Returns the last page of the audit trail.
    async fn audit_head(&self) -> Result<Option<AuditPage>, Error>;

    /// Returns true if the ledger may lack what was done after its last page: it came from a
    /// backup, or pages that had been written are missing. This remains so until a page closes the
    /// gap.
    async fn gap(&self) -> Result<bool, Error>;

    /// Records that the ledger may lack what was done after its last page.
    async fn put_gap(&self) -> Result<(), Error>;

    /// Returns everything that the ledger has written, as of now.
    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, Error>;
}
