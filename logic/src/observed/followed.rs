//! Devices that somebody waits to hear of.

use std::collections::HashSet;

use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;

use crate::inventory::DeviceId;

/// The devices that somebody waits to hear of, and those that were heard of meanwhile.
#[derive(Default)]
pub struct Followed {
    devices: RwLock<HashSet<DeviceId>>,
    heard: Mutex<HashSet<DeviceId>>,
    notify: Notify,
}

impl Followed {
    /// Follows these devices, and no others.
    pub fn follow(&self, devices: HashSet<DeviceId>) {
        *self.devices.write() = devices;
    }

    /// Takes note that a device was heard of.
    pub(super) fn note(&self, device: DeviceId) {
        if self.devices.read().contains(&device) && self.heard.lock().insert(device) {
            self.notify.notify_one();
        }
    }

    /// Waits until devices that are followed were heard of, and returns them. Whoever stops waiting
    /// loses none.
    pub async fn heard(&self) -> HashSet<DeviceId> {
        loop {
            let notified = self.notify.notified();
            let heard = std::mem::take(&mut *self.heard.lock());
            if !heard.is_empty() {
                return heard;
            }
            notified.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{pin::pin, task::Poll};

    use utakata_model::Target;

    use super::*;
    use crate::inventory::TargetEntry;

    #[tokio::test]
    async fn what_is_followed_is_heard_once_and_nothing_else() {
        let device = |number| {
            let target = Target::new("x".parse().unwrap(), "x".parse().unwrap(), "x".into());
            TargetEntry::of(target, number).device
        };
        let (one, other) = (device(1), device(2));
        let followed = Followed::default();
        followed.note(one);
        followed.follow(HashSet::from([one]));
        let mut waits = pin!(followed.heard());
        assert!(futures::poll!(waits.as_mut()).is_pending());
        followed.note(other);
        assert!(futures::poll!(waits.as_mut()).is_pending());
        followed.note(one);
        followed.note(one);
        assert_eq!(
            futures::poll!(waits.as_mut()),
            Poll::Ready(HashSet::from([one]))
        );
        assert!(futures::poll!(pin!(followed.heard())).is_pending());
    }
}
