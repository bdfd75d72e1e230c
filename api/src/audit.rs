//! The audit trail, and the result of verifying it.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// A page of the audit trail: the lines that were written to the ledger together.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AuditPageView {
    /// The number of the page, from 1.
    #[schema(minimum = 1)]
    pub page: u64,
    /// SHA-256, in hexadecimal, of the previous page's hash, this page's number and its lines, each
    /// followed by a line feed.
    pub hash: String,
    /// The lines, byte for byte. Each is a JSON object with `at` and `what`.
    #[schema(value_type = Vec<Object>)]
    pub lines: Vec<Box<RawValue>>,
}

/// The last page of the audit trail. If this is kept elsewhere, nobody can rewrite the trail
/// unnoticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditHead {
    /// The number of the page; 0 while there is none.
    pub page: u64,
    /// The hash of the page, in hexadecimal.
    pub hash: String,
    /// The same, signed by the site: `utakata-head-1:PAGE:HASH:KEY:SIGNATURE`. It is also written to
    /// the log, once a minute while the trail grows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<String>,
}

/// Heads that were published earlier and kept elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishedHeads {
    /// The heads, as they were published: `utakata-head-1:PAGE:HASH:KEY:SIGNATURE`.
    #[schema(max_items = 1000)]
    pub heads: Vec<String>,
}

/// The largest number of heads in a request.
pub const MAX_HEADS: usize = 1000;

/// The result of verifying that the audit trail is complete and agrees with the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditReport {
    /// `true` if nothing is wrong.
    pub whole: bool,
    /// The number of pages that were verified.
    pub pages: u64,
    /// The number of lines that were verified.
    pub lines: u64,
    /// The number of operations in the ledger that were compared with the trail.
    pub operations: u64,
    /// The number of tasks in the ledger that were compared with the trail.
    pub tasks: u64,
    /// The number of operations and tasks that are older than the trail.
    pub older: u64,
    /// The last page that was verified.
    pub head: AuditHead,
    /// The total number of findings.
    pub found: u64,
    /// The first hundred findings.
    pub findings: Vec<AuditFinding>,
}

/// A discrepancy in the audit trail, or between it and the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditFinding {
    /// The place of the discrepancy: `page 7`, `task 0192f0c1-...`, `target pdu-1`.
    pub subject: String,
    /// The discrepancy, in a sentence.
    pub message: String,
}
