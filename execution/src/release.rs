//! One release as it lies on this machine, and what no release could be made of.

use std::{path::PathBuf, sync::Arc};

use parking_lot::Mutex;
use utakata_model::{Manifest, ReleaseId, environment::RefusedRelease};

use crate::Artifact;

/// A release that can be started.
#[derive(Debug, Clone, PartialEq)]
pub struct Release {
    /// What it is, pinned by the digest of everything in its folder and of its program.
    pub id: Arc<ReleaseId>,
    /// What it declares.
    pub manifest: Arc<Manifest>,
    /// Where it lies.
    pub folder: PathBuf,
    /// What it runs.
    pub artifact: Artifact,
    /// Whether it was fetched, because it is asked for by name.
    pub is_fetched: bool,
}

/// What no release could be made of, set by whoever makes releases, and told with the catalogue.
/// Cheap to share.
#[derive(Debug, Clone, Default)]
pub struct Unmade(Arc<Mutex<Vec<RefusedRelease>>>);

impl Unmade {
    /// Replaces what was there.
    pub fn set(&self, refused: Vec<RefusedRelease>) {
        *self.0.lock() = refused;
    }

    /// Returns what there is.
    pub fn get(&self) -> Vec<RefusedRelease> {
        self.0.lock().clone()
    }
}
