//! Errors as `application/problem+json` (RFC 9457).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A problem: where it arose, and its cure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[error("{detail}")]
// The model has a Problem too: in the description of the API each needs a name of its own.
#[schema(as = HttpProblem)]
pub struct Problem {
    /// The page that explains the code: `/v1/errors/<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code in words, the same for every such error.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// A word for programs: `selector-invalid`.
    pub code: String,
    /// The event, with its subject.
    pub detail: String,
    /// The cure.
    pub cure: String,
    /// Every single thing that is wrong, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Detail>,
}

/// One of several things that are wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Detail {
    /// The subject: a target, a document (`target pdu-1`), a field.
    pub subject: String,
    /// The problem.
    pub message: String,
}
