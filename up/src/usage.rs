//! Mistakes in how a command was typed.

/// A mistake in how a command was typed, found after its arguments were parsed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);
