//! The latest observations of each target: kept in memory, written to the store now and then.

mod last_seen;
pub mod turns;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use parking_lot::{Mutex, RwLock};
use utakata_invariant as invariant;
use utakata_model::{Outcome, Readings, Selector};

pub use last_seen::{ActionReadings, Earlier, LastSeen, Value};

use self::{
    last_seen::Stored,
    turns::{HealthTurn, Turns},
};
use crate::{
    inventory::{DeviceId, Inventory, TargetEntry},
    store::{self, ReadingRow},
};

/// The latest observations of each target. Cheap to share.
#[derive(Default)]
pub struct Observed {
    /// The devices, each locked for moments only.
    devices: RwLock<HashMap<DeviceId, Mutex<LastSeen>>>,
    /// The targets with observations to write, each once.
    waiting: Mutex<Vec<Arc<TargetEntry>>>,
    turns: Mutex<Turns>,
}

impl Observed {
    /// Restores the observations of existing targets from the store.
    ///
    /// # Errors
    /// The store cannot be read. A row that cannot be understood is left out.
    pub async fn restore(
        store: &dyn store::Readings,
        inventory: &Inventory,
        now: Timestamp,
    ) -> Result<Self, store::Error> {
        let observed = Self::default();
        for row in store.readings().await? {
            let Some(entry) = inventory.find(&row.target) else {
                continue;
            };
            match serde_json::from_str::<Stored>(&row.body) {
                Ok(mut stored) => {
                    // Another clock may have been used when this was written; nothing was observed
                    // later than now.
                    if stored.last.time > now {
                        Arc::make_mut(&mut stored.last).time = now;
                    }
                    stored.heard = stored.heard.map(|heard| heard.min(now));
                    observed.change(entry.device, |seen| {
                        seen.answered = seen.answered.max(Some(stored.last.time));
                        seen.actions.push(ActionReadings::restored(stored));
                    });
                }
                Err(error) => {
                    tracing::warn!(target = %row.target, %error, "stored readings left out");
                }
            }
        }
        Ok(observed)
    }

    /// Looks at the latest observations of a device, which are empty if it was never heard of.
    ///
    /// `look` must not look at another device meanwhile.
    pub fn look<R>(&self, device: DeviceId, look: impl FnOnce(&LastSeen) -> R) -> R {
        match self.devices.read().get(&device) {
            Some(seen) => look(&seen.lock()),
            None => look(&LastSeen::default()),
        }
    }

    fn change<R>(&self, device: DeviceId, change: impl FnOnce(&mut LastSeen) -> R) -> R {
        if let Some(seen) = self.devices.read().get(&device) {
            return change(&mut seen.lock());
        }
        change(self.devices.write().entry(device).or_default().get_mut())
    }

    /// Changes the observations of a device, for tables of tests.
    #[cfg(test)]
    pub(crate) fn set(&self, device: DeviceId, change: impl FnOnce(&mut LastSeen)) {
        self.change(device, change);
    }

    /// Applies the readings of a target that arrived at `heard`.
    pub fn saw(&self, entry: &Arc<TargetEntry>, readings: &Arc<Readings>, heard: Timestamp) {
        let is_first = self.change(entry.device, |seen| {
            seen.saw(readings, heard);
            !std::mem::replace(&mut seen.waits, true)
        });
        if is_first {
            self.waiting.lock().push(Arc::clone(entry));
        }
    }

    /// Applies the end of a read without parameters, which requested everything.
    pub fn read_all(&self, entry: &Arc<TargetEntry>, outcome: &Outcome) {
        if entry.device == DeviceId::NONE {
            return;
        }
        let is_first = self.change(entry.device, |seen| {
            seen.forget_unseen(outcome) && !std::mem::replace(&mut seen.waits, true)
        });
        if is_first {
            self.waiting.lock().push(Arc::clone(entry));
        }
    }

    /// Applies the end of an attempt.
    pub fn ended(&self, entry: &TargetEntry, outcome: &Outcome) {
        if entry.device == DeviceId::NONE {
            return;
        }
        let turn: Option<HealthTurn> = self.change(entry.device, |seen| seen.ended(outcome));
        if let Some(turn) = turn {
            let target = &entry.target;
            self.turns.lock().note(&target.name, &target.kind, turn);
        }
    }

    /// Shifts times after the clock was set, so that observations keep their age.
    pub fn shift(&self, step: SignedDuration) {
        for seen in self.devices.write().values_mut() {
            seen.get_mut().shift(step);
        }
    }

    /// Forgets devices that are no longer in the inventory.
    pub fn forget_gone(&self, inventory: &Inventory) {
        // Locked first, so that no device is added after the inventory was looked at.
        let mut devices = self.devices.write();
        let there = inventory.select(&Selector::default());
        let there: HashSet<DeviceId> = there.iter().map(|entry| entry.device).collect();
        devices.retain(|device, _| there.contains(device));
    }

    /// Takes the changes of health since the last call, as lines of the log.
    pub fn turns(&self) -> Vec<turns::LogLine> {
        self.turns.lock().take()
    }

    /// Writes changes, at most about `max` rows. Returns true if something is left.
    ///
    /// # Errors
    /// The store failed: the changes wait again.
    pub async fn flush(
        &self,
        store: &dyn store::Readings,
        max: usize,
    ) -> Result<bool, store::Error> {
        let (taken, is_left) = {
            let mut waiting = self.waiting.lock();
            let keep = waiting.len().saturating_sub(max);
            (waiting.split_off(keep), keep > 0)
        };
        if taken.is_empty() {
            return Ok(is_left);
        }
        let rows: Vec<ReadingRow> = taken.iter().flat_map(|entry| self.rows(entry)).collect();
        let written = store.put_readings(&rows).await;
        if written.is_err() {
            for entry in &taken {
                self.write_again(entry);
            }
        }
        written.map(|()| is_left)
    }

    fn write_again(&self, entry: &Arc<TargetEntry>) {
        let is_first = self.change(entry.device, |seen| {
            for action in &mut seen.actions {
                action.changed = true;
            }
            !std::mem::replace(&mut seen.waits, true)
        });
        if is_first {
            self.waiting.lock().push(Arc::clone(entry));
        }
    }

    /// Returns the changes of a target; from now on they count as written.
    fn rows(&self, entry: &TargetEntry) -> Vec<ReadingRow> {
        let changed: Vec<Stored> = self.change(entry.device, |seen| {
            seen.waits = false;
            let changed = seen.actions.iter_mut().filter(|seen| seen.changed);
            changed
                .map(|seen| {
                    seen.changed = false;
                    Stored {
                        last: Arc::clone(&seen.last),
                        heard: Some(seen.heard),
                        earlier: seen.earlier.clone(),
                    }
                })
                .collect()
        });
        let row = |stored: Stored| match serde_json::to_string(&stored) {
            Ok(body) => Some(ReadingRow {
                target: entry.target.name.clone(),
                action: stored.last.action.clone(),
                body,
            }),
            Err(error) => {
                invariant::broken("readings that are no JSON", &error);
                None
            }
        };
        changed.into_iter().filter_map(row).collect()
    }
}
