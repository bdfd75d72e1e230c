//! Keys of askers: who asks under the same key at the same time waits for the other.

use std::hash::{BuildHasher, RandomState};

use tokio::sync::{Mutex, MutexGuard};

/// Under so many keys can be asked at once; beyond it, some wait for others.
const AT_ONCE: usize = 256;

/// Keys that are asked under now.
pub(super) struct Keys {
    places: Vec<Mutex<()>>,
    hasher: RandomState,
}

impl Keys {
    /// Holds a key until the guard is dropped.
    pub async fn hold(&self, key: &str) -> MutexGuard<'_, ()> {
        // Less than the number of places, which a `usize` holds.
        let place = (self.hasher.hash_one(key) % AT_ONCE as u64) as usize;
        self.places[place].lock().await
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            places: (0..AT_ONCE).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
        }
    }
}
