//! The settings for admitting releases.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utakata_settings::Settings;

/// Releases that are admitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Trust {
    /// Public keys (PEM); if there are any, only releases signed by one of them are served.
    #[setting(form = "list of files")]
    pub keys: Vec<PathBuf>,
    /// Admits the releases shipped with utakata without a signature.
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
