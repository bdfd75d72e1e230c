//! A target with everything that a task for it needs, found once instead of for every task.

use std::sync::Arc;

use utakata_model::{Credential, Target};

/// The identity of a device in this process: targets that are declared otherwise, but for the same
/// kind and address, keep theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeviceId(u64);

/// A target that there is. It is never changed: another one takes its place.
#[derive(Debug)]
pub struct TargetEntry {
    /// The target as it was declared.
    pub target: Arc<Target>,
    /// The credential that lets a worker in.
    pub credential: Option<Arc<Credential>>,
    /// The device that is meant.
    pub device: DeviceId,
}

impl DeviceId {
    /// Returns the next identity, which no device has.
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

    /// A target on its own, for tables of tests, which number their devices themselves.
    #[cfg(test)]
    pub(crate) fn of(target: Target, device: u64) -> Self {
        Self::new(target, None, DeviceId(device))
    }

    /// Returns true when a target is the same device: another kind or address is another one.
    pub(super) fn is_device_of(&self, target: &Target) -> bool {
        self.target.kind == target.kind && self.target.address == target.address
    }
}
