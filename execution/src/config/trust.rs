//! Whose releases are let in.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Whose releases are let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trust {
    /// Public keys (Ed25519, PEM). When there are any, only releases that are signed by one of
    /// them are served. Default: none.
    pub keys: Vec<PathBuf>,
    /// Whether the releases that come with utakata need no signature. Default true.
    pub bundled: bool,
}

impl Default for Trust {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            bundled: true,
        }
    }
}
