//! How releases are fetched and kept.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utakata_model::{duration, manifest::limits::Memory};

/// How releases that are asked for and lie in no folder are fetched and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Content {
    /// Larger files of a release are refused. Default 256MiB.
    pub file_most: Memory,
    /// Larger releases are refused. Default 1GiB.
    pub release_most: Memory,
    /// Releases of a kind that are kept when nothing asks for them any more: those that served
    /// last. Default 10.
    pub kept: u32,
    /// What was asked for and has not come is asked for again after this; each time it takes
    /// twice as long. Default 2s.
    #[serde(with = "duration")]
    pub again_after: Duration,
}

impl Default for Content {
    fn default() -> Self {
        Self {
            file_most: Memory::mebibytes(256),
            release_most: Memory::mebibytes(1024),
            kept: 10,
            again_after: Duration::from_secs(2),
        }
    }
}
