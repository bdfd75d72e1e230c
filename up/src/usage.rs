//! Mistakes of whoever typed a command.

/// A mistake of who typed it, found after the arguments were parsed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);
