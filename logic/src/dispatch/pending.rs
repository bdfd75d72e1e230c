//! The reads that are under way, by task.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    sync::Arc,
};

use tokio::time::Instant;
use utakata_model::{Readings, TaskId};

use super::{Batch, NewRead, Slot};
use crate::inventory::TargetEntry;

/// A read under way.
#[derive(Debug)]
pub(super) struct PendingRead {
    pub batch: Arc<Batch>,
    pub known: Arc<TargetEntry>,
    pub slot: Option<Arc<Slot>>,
    /// The readings, if somebody waits to see them.
    pub readings: Option<Arc<Readings>>,
}

/// The reads under way.
#[derive(Debug, Default)]
pub(super) struct Pending {
    entries: HashMap<TaskId, PendingRead, BuildHasherDefault<IdHasher>>,
}

impl Pending {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn insert(&mut self, batch: &Arc<Batch>, made: Vec<NewRead>) {
        self.entries.reserve(made.len());
        for made in made {
            let entry = PendingRead {
                batch: Arc::clone(batch),
                known: made.known,
                slot: made.slot,
                readings: None,
            };
            self.entries.insert(made.id, entry);
        }
    }

    pub fn get(&mut self, id: TaskId) -> Option<&mut PendingRead> {
        self.entries.get_mut(&id)
    }

    pub fn remove(&mut self, id: TaskId) -> Option<PendingRead> {
        self.entries.remove(&id)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&TaskId, &PendingRead)> {
        self.entries.iter()
    }

    /// Takes those whose deadline has passed.
    pub fn overdue(&mut self, now: Instant) -> Vec<(TaskId, PendingRead)> {
        let overdue = |_: &TaskId, entry: &mut PendingRead| entry.batch.deadline <= now;
        let overdue = self.entries.extract_if(overdue).collect();
        // Returns the memory of a burst.
        if self.entries.len() < self.entries.capacity() / 8 {
            self.entries.shrink_to(self.entries.len() * 2 + 1024);
        }
        overdue
    }
}

/// A hasher for identifiers, which are mostly random already and made by ourselves.
#[derive(Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 = (self.0.rotate_left(23) ^ u64::from_le_bytes(word))
                .wrapping_mul(0x9E37_79B9_7F4A_7C15);
        }
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}
