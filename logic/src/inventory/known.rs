//! A target with everything that a task for it needs, found once instead of for every task.

use std::sync::Arc;

use parking_lot::Mutex;
use utakata_model::{Credential, Target};

use crate::observe::Seen;

/// A target that there is. It is never changed: another one takes its place, with the same
/// `seen`.
#[derive(Debug)]
pub struct Known {
    /// As it was declared.
    pub target: Arc<Target>,
    /// What lets a worker in.
    pub credential: Option<Arc<Credential>>,
    /// What was last seen of it. Locked for moments only.
    pub seen: Arc<Mutex<Seen>>,
}

impl Known {
    pub(super) fn new(target: Target, credential: Option<Arc<Credential>>) -> Self {
        Self {
            target: Arc::new(target),
            credential,
            seen: Arc::default(),
        }
    }

    /// A target on its own, for tables of tests.
    #[cfg(test)]
    pub(crate) fn of(target: Target) -> Self {
        Self::new(target, None)
    }

    /// The same device, declared otherwise: what was seen of it stays. Another kind or address
    /// is another device.
    pub(super) fn declared(&self, target: Target, credential: Option<Arc<Credential>>) -> Self {
        let same = self.target.kind == target.kind && self.target.address == target.address;
        let mut known = Self::new(target, credential);
        if same {
            known.seen = Arc::clone(&self.seen);
        }
        known
    }
}
