//! Idempotency keys: requests under the same key at the same time wait for each other.

use std::hash::{BuildHasher, RandomState};

use tokio::sync::{Mutex, MutexGuard};

/// The number of keys that can be held at once; beyond it, unrelated requests may wait for each
/// other.
const AT_ONCE: usize = 256;

/// The keys in use now.
pub(super) struct Keys {
    places: Vec<Mutex<()>>,
    hasher: RandomState,
}

impl Keys {
    /// Holds a key until the guard is dropped.
    pub async fn hold(&self, key: &str) -> MutexGuard<'_, ()> {
        // The result is less than the number of slots, which a `usize` holds.
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
