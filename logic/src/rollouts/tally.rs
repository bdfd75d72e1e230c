//! What reading devices back said of control that each release said was done.

use std::collections::HashMap;

use parking_lot::Mutex;
use utakata_api::rollout::ReadBack;
use utakata_model::ReleaseDigest;

/// Releases that are remembered; beyond it all are forgotten, and counted anew.
const RELEASES_MOST: usize = 1000;

/// Counts, since this process began.
#[derive(Debug, Default)]
pub struct Tally(Mutex<HashMap<ReleaseDigest, ReadBack>>);

impl Tally {
    /// A device was read back: whether it shows what the release said was done.
    pub fn count(&self, release: &ReleaseDigest, shows: bool) {
        let mut all = self.0.lock();
        if all.len() >= RELEASES_MOST && !all.contains_key(release) {
            all.clear();
        }
        let of_release = all.entry(release.clone()).or_default();
        match shows {
            true => of_release.shown += 1,
            false => of_release.not_shown += 1,
        }
    }

    /// What was counted of a release.
    pub fn of(&self, release: &ReleaseDigest) -> ReadBack {
        self.0.lock().get(release).copied().unwrap_or_default()
    }

    /// Counts a release anew.
    pub fn forget(&self, release: &ReleaseDigest) {
        self.0.lock().remove(release);
    }
}
