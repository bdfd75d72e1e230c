//! A target with everything that a task for it needs, looked up once instead of for every task.

use std::sync::Arc;

use utakata_model::{Credential, CredentialRef, Target, TaskCredential};

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
    /// The reference to the credential in its tasks.
    pub reference: Option<Arc<CredentialRef>>,
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
        credential: Option<(Arc<Credential>, Arc<CredentialRef>)>,
        device: DeviceId,
    ) -> Self {
        let (credential, reference) = credential.unzip();
        Self {
            target: Arc::new(target),
            credential,
            reference,
            device,
        }
    }

    /// Returns what a task has of the credential.
    pub fn for_task(&self) -> Option<TaskCredential> {
        self.reference.clone().map(TaskCredential::of)
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
