//! The pins: targets that keep a release of their own.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::RwLock;
use utakata_api::rollout::{KindAssignment, Pin};
use utakata_model::{Kind, Target, Task};

/// The pins of all kinds. Clones share the same table.
#[derive(Debug, Clone, Default)]
pub struct PinTable(Arc<RwLock<BTreeMap<Kind, Vec<Pin>>>>);

impl PinTable {
    /// Replaces the pins.
    pub fn set(&self, requested: &BTreeMap<Kind, KindAssignment>) {
        let pinned = requested
            .iter()
            .filter(|(_, requested)| !requested.pins.is_empty());
        let pinned = pinned.map(|(kind, requested)| (kind.clone(), requested.pins.clone()));
        *self.0.write() = pinned.collect();
    }

    /// Returns the version that a target keeps, if any.
    pub fn version(&self, target: &Target) -> Option<String> {
        let all = self.0.read();
        let pins = all.get(&target.kind).map_or(&[][..], Vec::as_slice);
        let version = version_for(pins, target).map(String::from);
        version.or_else(|| target.pin.clone())
    }

    /// Returns a task pinned in the same way as its target.
    pub fn pinned(&self, mut task: Task) -> Task {
        let all = self.0.read();
        let version = all
            .get(&task.target.kind)
            .and_then(|pins| version_for(pins, &task.target));
        if let Some(version) = version {
            Arc::make_mut(&mut task.target).pin = Some(version.to_owned());
        }
        task
    }
}

/// Returns the version that a target keeps, unless it is pinned itself: the first pin counts.
fn version_for<'p>(pins: &'p [Pin], target: &Target) -> Option<&'p str> {
    if target.pin.is_some() {
        return None;
    }
    let pin = pins.iter().find(|pin| pin.selector.matches(target))?;
    Some(&pin.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_pin_that_means_a_target_counts_and_its_own_before_all() {
        let pin = |selector: &str, version: &str| Pin {
            selector: selector.parse().unwrap(),
            version: version.into(),
        };
        let pins = [pin("firmware=2.1", "1.4"), pin("room=A", "1.5")];
        for (firmware, room, own, expect) in [
            ("2.1", "A", None, Some("1.4")),
            ("2.2", "A", None, Some("1.5")),
            ("2.2", "B", None, None),
            ("2.1", "A", Some("1.0"), None),
        ] {
            let kind = "pdu".parse().unwrap();
            let mut target = Target::new("pdu-1".parse().unwrap(), kind, "x".into());
            target.labels.insert("firmware".into(), firmware.into());
            target.labels.insert("room".into(), room.into());
            target.pin = own.map(String::from);
            assert_eq!(version_for(&pins, &target), expect, "{target:?}");
        }
    }
}
