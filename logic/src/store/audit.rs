//! The audit trail as it is kept.

use async_trait::async_trait;

use super::{AuditPage, Error, Snapshot};

/// The audit trail, and whether the ledger is whole.
#[async_trait]
pub trait Audit: Send + Sync {
    /// Pages of the audit trail from this number on, in their order.
    async fn audit(&self, from: u64, max: u32) -> Result<Vec<AuditPage>, Error>;

    /// The last page of the audit trail.
    async fn audit_head(&self) -> Result<Option<AuditPage>, Error>;

    /// Returns true if the ledger may lack what was done after its last page: it came from a backup, or
    /// pages that had been written are not there any more. It stays so until a page closes it.
    async fn gap(&self) -> Result<bool, Error>;

    /// Says that the ledger may lack what was done after its last page.
    async fn put_gap(&self) -> Result<(), Error>;

    /// All that the ledger has written, as it is now.
    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, Error>;
}
