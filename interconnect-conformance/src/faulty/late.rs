//! Items that are held back, so that later ones overtake them.

use std::collections::BTreeMap;

use tokio::time::Instant;

/// The largest number that is held back at a time; beyond it everything is on time.
const MAX_HELD: usize = 1_000;

/// Items by the time at which they are due; the number distinguishes those due at the same time.
#[derive(Debug)]
pub(super) struct Late<T> {
    held: BTreeMap<(Instant, u64), T>,
    next: u64,
}

impl<T> Late<T> {
    pub(super) fn has_room(&self) -> bool {
        self.held.len() < MAX_HELD
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Holds an item back until then.
    pub(super) fn hold(&mut self, due: Instant, item: T) {
        self.held.insert((due, self.next), item);
        self.next += 1;
    }

    /// Takes the items that are due, up to a limit.
    pub(super) fn due(&mut self, now: Instant, max: usize) -> Vec<T> {
        let mut due = Vec::new();
        while due.len() < max
            && let Some(first) = self.held.first_entry()
            && first.key().0 <= now
        {
            due.push(first.remove());
        }
        due
    }

    /// Takes out everything.
    pub(super) fn all(&mut self) -> Vec<T> {
        std::mem::take(&mut self.held).into_values().collect()
    }

    /// Returns the time at which the next one is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.held.first_key_value().map(|((due, _), _)| *due)
    }
}

impl<T> Default for Late<T> {
    fn default() -> Self {
        Self {
            held: BTreeMap::new(),
            next: 0,
        }
    }
}

/// Waits until then, or for ever.
pub(super) async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
