//! The settings for fetching and keeping releases.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utakata_model::{duration, manifest::limits::Memory};
use utakata_settings::Settings;

/// Fetching and keeping of releases that are ordered and in no folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Content {
    /// Largest file of a release that is fetched.
    pub max_file: Memory,
    /// Largest release that is fetched.
    pub max_release: Memory,
    /// Number of fetched releases of a kind that are kept after their orders have ended.
    #[setting(or_zero)]
    pub kept: u32,
    /// Time after which an unanswered request for content is repeated.
    #[serde(with = "duration")]
    pub again_after: Duration,
}

impl Default for Content {
    fn default() -> Self {
        Self {
            max_file: Memory::mebibytes(256),
            max_release: Memory::mebibytes(1024),
            kept: 10,
            again_after: Duration::from_secs(2),
        }
    }
}
