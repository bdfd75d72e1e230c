//! A release on this machine, and the profiles that could not be made into one.

use std::{path::PathBuf, sync::Arc};

use parking_lot::Mutex;
use utakata_model::{Manifest, ReleaseId, environment::RefusedRelease};

use crate::Artifact;

/// A release that can be started.
#[derive(Debug, Clone, PartialEq)]
pub struct Release {
    /// Its kind and version, pinned by the digest of everything in its folder and of its program.
    pub id: Arc<ReleaseId>,
    pub manifest: Arc<Manifest>,
    pub folder: PathBuf,
    pub artifact: Artifact,
    /// True if it was fetched, because it is ordered by name.
    pub is_fetched: bool,
}

/// The problems of profiles that could not be made into a release, set by whoever makes releases,
/// and published with the catalogue. Cheap to share.
#[derive(Debug, Clone, Default)]
pub struct Unmade(Arc<Mutex<Vec<RefusedRelease>>>);

impl Unmade {
    /// Replaces the refused releases.
    pub fn set(&self, refused: Vec<RefusedRelease>) {
        *self.0.lock() = refused;
    }

    /// Returns the refused releases.
    pub fn get(&self) -> Vec<RefusedRelease> {
        self.0.lock().clone()
    }
}
