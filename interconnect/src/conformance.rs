//! What every inter connect promises, as checks that any of them can be put to.

pub(crate) mod sample;

use thiserror::Error;

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not kept: {promise}: {seen}")]
pub struct Violation {
    /// The promise, in words.
    pub promise: &'static str,
    /// What was seen instead.
    pub seen: String,
}

impl Violation {
    /// Not the inter connect's fault: the samples themselves are wrong.
    pub(crate) fn sample(seen: String) -> Self {
        Self {
            promise: "the samples of the conformance suite have proper names",
            seen,
        }
    }
}
