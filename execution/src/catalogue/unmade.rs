//! What no release could be made of, told like a release that is refused.

use std::sync::Arc;

use parking_lot::Mutex;
use utakata_model::environment::RefusedRelease;

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

impl PartialEq for Unmade {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.get() == other.get()
    }
}
