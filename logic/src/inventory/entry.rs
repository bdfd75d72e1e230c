//! A target with everything that a task for it needs, looked up once instead of for every task.

use std::sync::Arc;

use utakata_model::{Credential, Target};

/// The identity of a device in this process: targets that are declared differently, but with the
/// same kind and address, keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeviceId(u64);

/// An existing target. It is never changed, only replaced.
#[derive(Debug)]
pub struct TargetEntry {
    /// The target as declared.
    pub target: Arc<Target>,
    /// The credential that gives a worker access.
    pub credential: Option<Arc<Credential>>,
    /// The device behind the target.
    pub device: DeviceId,
}

impl DeviceId {
    /// The device of what is no target of the inventory: nothing is observed of it.
    pub const NONE: Self = Self(u64::MAX);

    /// Returns a new identity.
    pub(super) fn next(last: &mut u64) -> Self {
        *last += 1;
        Self(*last)
    }
}

impl TargetEntry {
    pub(super) fn new(
        target: Target,
        credential: Option<Arc<Credential>>,
        device: DeviceId,
    ) -> Self {
        Self {
            target: Arc::new(target),
            credential,
            device,
        }
    }

    /// Creates the entry of a task that is about no target of the inventory.
    pub fn aside(target: Target, credential: Option<Arc<Credential>>) -> Self {
        Self::new(target, credential, DeviceId::NONE)
    }

    /// Creates an entry on its own, for tables of tests, which number their devices themselves.
    #[cfg(test)]
    pub(crate) fn of(target: Target, device: u64) -> Self {
        Self::new(target, None, DeviceId(device))
    }

    /// Returns true if a target is the same device: a different kind or address makes it another
    /// one.
    pub(super) fn is_device_of(&self, target: &Target) -> bool {
        self.target.kind == target.kind && self.target.address == target.address
    }
}
