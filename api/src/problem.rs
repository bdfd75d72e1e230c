//! Errors as `application/problem+json` (RFC 9457).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A problem: its origin, and its cure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[error("{detail}")]
// The model has a Problem too, and in the API's schema each needs a name of its own.
#[schema(as = HttpProblem)]
pub struct Problem {
    /// The page that explains the code: `/v1/errors/<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code in words, the same for every such error.
    pub title: String,
    /// The HTTP status code.
    pub status: u16,
    /// A code for programs: `selector-invalid`.
    pub code: String,
    /// The event, with its subject.
    pub detail: String,
    /// The cure, in a sentence.
    pub cure: String,
    /// Every single mistake, if there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Detail>,
}

/// One of several mistakes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Detail {
    /// The subject: a target, a document (`target pdu-1`) or a field.
    pub subject: String,
    /// The mistake, in a sentence.
    pub message: String,
}
