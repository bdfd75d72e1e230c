//! The latest observations of each target, in memory. History keeps all of them.

mod contact;
mod followed;
mod last_seen;
pub mod turns;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use jiff::{SignedDuration, Timestamp};
use parking_lot::{Mutex, RwLock};
use utakata_model::{Outcome, Readings, Selector};

pub use contact::Contact;
pub use last_seen::{ActionReadings, Earlier, LastSeen, Value};

pub use last_seen::Stored;

use self::{
    followed::Followed,
    turns::{HealthTurn, Turns},
};
use crate::{
    clock,
    inventory::{DeviceId, Inventory, TargetEntry},
    store,
};

const MILLISECOND: SignedDuration = SignedDuration::from_millis(1);

/// The latest observations of each target. Cheap to share.
#[derive(Default)]
pub struct Observed {
    /// The devices, each locked for moments only, and on the heap one by one: a table has empty slots
    /// of their size.
    devices: RwLock<HashMap<DeviceId, Box<Mutex<LastSeen>>>>,
    turns: Mutex<Turns>,
    /// The moment of the last decision. What is heard afterwards is heard later.
    moment: RwLock<Timestamp>,
    /// The latest time at which something was heard, in milliseconds.
    heard: AtomicI64,
    followed: Followed,
}

impl Observed {
    /// Restores what an earlier version has left in the store, of existing targets, and returns it.
    ///
    /// # Errors
    /// The store cannot be read. A row that cannot be understood is left out.
    pub async fn restore(
        &self,
        store: &dyn store::Store,
        inventory: &Inventory,
        now: Timestamp,
    ) -> Result<Vec<Arc<Readings>>, store::Error> {
        let mut restored = Vec::new();
        for row in store.readings().await? {
            let Some(entry) = inventory.find(&row.target) else {
                continue;
            };
            match serde_json::from_str::<Stored>(&row.body) {
                Ok(stored) => {
                    restored.push(Arc::clone(&stored.last));
                    self.remember(&entry, stored, now);
                }
                Err(error) => {
                    tracing::warn!(target = %row.target, %error, "stored readings left out");
                }
            }
        }
        Ok(restored)
    }

    /// Restores what was seen before the start, unless something newer was seen since.
    pub fn remember(&self, entry: &TargetEntry, mut stored: Stored, now: Timestamp) {
        // Another clock may have been used when this was written; nothing was observed later than
        // now.
        let last = &mut stored.last;
        if last.time > now {
            Arc::make_mut(last).time = now;
        }
        let last = Arc::clone(last);
        stored.heard = stored.heard.map(|heard| heard.min(now));
        self.change(entry.device, |seen| {
            let known = seen
                .actions
                .iter()
                .position(|one| one.action == last.action);
            if known.is_some_and(|at| seen.actions[at].last.time >= last.time) {
                return;
            }
            seen.answered = seen.answered.max(Some(last.time));
            let restored = ActionReadings::restored(stored);
            match known {
                Some(at) => seen.actions[at] = restored,
                None => seen.actions.push(restored),
            }
        });
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

    /// Applies the readings of a target that arrive now, and returns when that is, in whole
    /// milliseconds, as history keeps it.
    pub fn saw(&self, entry: &TargetEntry, readings: &Arc<Readings>) -> Timestamp {
        let moment = self.moment.read();
        let next = moment.checked_add(MILLISECOND).unwrap_or(*moment);
        let heard = whole(clock::now()).max(next);
        self.heard
            .fetch_max(heard.as_millisecond(), Ordering::Relaxed);
        self.change(entry.device, |seen| seen.saw(readings, heard));
        self.followed.note(entry.device);
        heard
    }

    /// Returns the devices that somebody waits to hear of.
    pub fn followed(&self) -> &Followed {
        &self.followed
    }

    /// Looks at the site at one moment: everything was seen that was heard by then, and nothing that
    /// is heard later. `look` must be quick, because nothing is heard meanwhile.
    pub fn at_one_moment<R>(&self, look: impl FnOnce(Timestamp) -> R) -> R {
        let mut moment = self.moment.write();
        // What was heard just after the last decision was heard in the next millisecond, which may
        // not have come yet.
        let heard = Timestamp::from_millisecond(self.heard.load(Ordering::Relaxed));
        let heard = heard.unwrap_or(*moment);
        *moment = whole(clock::now()).max(*moment).max(heard);
        look(*moment)
    }

    /// Applies the end of a read without parameters, which requested everything.
    pub fn read_all(&self, entry: &TargetEntry, outcome: &Outcome) {
        if entry.device == DeviceId::NONE {
            return;
        }
        self.change(entry.device, |seen| seen.forget_unseen(outcome));
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
        let mut moment = self.moment.write();
        *moment = whole(moment.checked_add(step).unwrap_or(*moment));
        let milliseconds = i64::try_from(step.as_millis()).unwrap_or_default();
        self.heard.fetch_add(milliseconds, Ordering::Relaxed);
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
}

/// Returns a time in whole milliseconds.
fn whole(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use utakata_model::{Target, TaskId, TaskKey};

    use super::*;

    #[test]
    fn however_quickly_decisions_follow_what_is_heard_none_sees_anything_of_later() {
        let target = Target::new("x".parse().unwrap(), "x".parse().unwrap(), "x".into());
        let entry = TargetEntry::of(target, 1);
        let readings = Arc::new(Readings {
            target: entry.target.name.clone(),
            action: "read".parse().unwrap(),
            seen_by: TaskKey {
                task: TaskId::from_bytes([0; 16]),
                attempt: 1,
            },
            time: clock::now(),
            readings: Vec::new(),
        });
        let observed = Observed::default();
        let mut before = observed.at_one_moment(|moment| moment);
        for _ in 0..50 {
            let heard = observed.saw(&entry, &readings);
            let moment = observed.at_one_moment(|moment| moment);
            assert!(
                before < heard && heard <= moment,
                "{before} {heard} {moment}"
            );
            assert_eq!(whole(moment), moment);
            before = moment;
        }
    }
}
