//! The audit trail as it is shown, and whether it is whole.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// A page of the audit trail: what was written to the ledger together.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditPageView {
    /// Its number, from 1.
    #[schema(minimum = 1)]
    pub page: u64,
    /// SHA-256, in hexadecimal, of the hash before it, its number and its lines, with a line feed
    /// after each.
    pub hash: String,
    /// Its lines, byte for byte: each a JSON object with `at` and `what`.
    #[schema(value_type = Vec<Object>)]
    pub lines: Vec<Box<RawValue>>,
}

/// The last page of the audit trail: note it elsewhere, and nobody can write the trail anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditHead {
    /// Its number; 0 while there is none.
    pub page: u64,
    /// Its hash.
    pub hash: String,
}

/// The result of verifying that the audit trail is whole, and says what the ledger says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditReport {
    /// `true` if nothing is wrong.
    pub whole: bool,
    /// The number of pages.
    pub pages: u64,
    /// The number of lines.
    pub lines: u64,
    /// The number of operations of the ledger that were compared with it.
    pub operations: u64,
    /// The number of tasks.
    pub tasks: u64,
    /// The number of operations and tasks that are older than the trail.
    pub older: u64,
    /// The last page.
    pub head: AuditHead,
    /// The number of things that are wrong.
    pub found: u64,
    /// The findings: the first hundred.
    pub findings: Vec<AuditFinding>,
}

/// Something that is wrong with the audit trail, or with the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditFinding {
    /// The subject: `page 7`, `task 0192f0c1-...`, `target pdu-1`.
    pub subject: String,
    /// The problem.
    pub message: String,
}
