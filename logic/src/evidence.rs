//! The evidence of read-backs: of the control tasks that a release reported as done, the number
//! whose targets show the effect.

use std::collections::HashMap;

use parking_lot::Mutex;
use utakata_api::rollout::ReadBack;
use utakata_model::ReleaseDigest;

/// The number of releases that are remembered; beyond it all are forgotten and counted again.
const MAX_RELEASES: usize = 1000;

/// Counts by release, since this process began.
#[derive(Debug, Default)]
pub struct ReadBackCounts(Mutex<HashMap<ReleaseDigest, ReadBack>>);

impl ReadBackCounts {
    /// Counts a target that was read back, and shows the effect that the release reported, or does
    /// not.
    pub fn count(&self, release: &ReleaseDigest, shows: bool) {
        let mut all = self.0.lock();
        if all.len() >= MAX_RELEASES && !all.contains_key(release) {
            all.clear();
        }
        let of_release = all.entry(release.clone()).or_default();
        match shows {
            true => of_release.shown += 1,
            false => of_release.not_shown += 1,
        }
    }

    /// Returns the counts of a release.
    pub fn of(&self, release: &ReleaseDigest) -> ReadBack {
        self.0.lock().get(release).copied().unwrap_or_default()
    }

    /// Starts counting a release again.
    pub fn forget(&self, release: &ReleaseDigest) {
        self.0.lock().remove(release);
    }
}
