//! The lanes that wait only for a worker, in turn.

use std::collections::{BTreeMap, VecDeque};

use utakata_model::TargetName;

/// Lanes in the order in which they are served, by the release that they need.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Lanes whose next task goes to the active release.
    ready: VecDeque<TargetName>,
    /// Lanes whose next task goes to the release of this version.
    pinned: BTreeMap<String, VecDeque<TargetName>>,
}

impl Turns {
    pub(super) fn push(&mut self, pin: Option<&str>, target: TargetName) {
        match pin {
            None => self.ready.push_back(target),
            Some(pin) => match self.pinned.get_mut(pin) {
                Some(queue) => queue.push_back(target),
                None => {
                    self.pinned.insert(pin.into(), VecDeque::from([target]));
                }
            },
        }
    }

    pub(super) fn pop(&mut self, pin: Option<&str>) -> Option<TargetName> {
        let Some(pin) = pin else {
            return self.ready.pop_front();
        };
        let queue = self.pinned.get_mut(pin)?;
        let target = queue.pop_front();
        if queue.is_empty() {
            self.pinned.remove(pin);
        }
        target
    }

    pub(super) fn len(&self) -> usize {
        self.ready.len() + self.pinned.values().map(VecDeque::len).sum::<usize>()
    }

    pub(super) fn pins(&self) -> impl Iterator<Item = &String> {
        self.pinned.keys()
    }

    /// Returns those for the release of this version, the first in turn first.
    pub(super) fn of(&self, pin: Option<&str>) -> impl Iterator<Item = &TargetName> {
        let queue = match pin {
            None => Some(&self.ready),
            Some(pin) => self.pinned.get(pin),
        };
        queue.into_iter().flatten()
    }
}
