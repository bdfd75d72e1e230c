//! The instances of policies that decide as soon as they hear something: at once after a calm, and in
//! a storm of readings no more often than a machine bears.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;
use utakata_model::{PolicyName, TargetName};

use crate::inventory::DeviceId;

/// The time in which one more decision becomes possible.
const EACH: Duration = Duration::from_millis(100);
/// The number of decisions that are possible at once after a calm.
const AT_ONCE: u32 = 10;

/// An instance of a policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct InstanceId {
    pub policy: PolicyName,
    /// The target that it is for; absent if it is for the whole site.
    pub target: Option<TargetName>,
}

/// The instances that listen. What one hears while nothing is left of its budget is decided on
/// together, as soon as it may decide again.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    of_device: HashMap<DeviceId, Vec<Arc<InstanceId>>>,
    budgets: BTreeMap<Arc<InstanceId>, Budget>,
    /// Those that have heard something that they have not decided on.
    waiting: BTreeSet<Arc<InstanceId>>,
}

/// The decisions that an instance may make because it has heard something.
#[derive(Debug, Clone, Copy, Default)]
struct Budget {
    /// The time at which nothing of it is used any more.
    whole_at: Option<Instant>,
}

impl Budget {
    /// Returns the time from which one decision is possible; absent if that is so anyway.
    fn free_at(self) -> Option<Instant> {
        self.whole_at?.checked_sub(EACH * (AT_ONCE - 1))
    }

    fn is_free(self, now: Instant) -> bool {
        self.free_at().is_none_or(|at| at <= now)
    }

    fn used(self, now: Instant) -> Self {
        let whole_at = self.whole_at.map_or(now, |at| at.max(now)) + EACH;
        Self {
            whole_at: Some(whole_at),
        }
    }
}

impl Listeners {
    /// Has these instances listen to these devices, and no others. Those that go on listening keep
    /// what they have heard, and what they have used.
    pub fn listen<D>(&mut self, instances: impl Iterator<Item = (InstanceId, D)>)
    where
        D: Iterator<Item = DeviceId>,
    {
        let mut budgets = std::mem::take(&mut self.budgets);
        self.of_device.clear();
        for (id, devices) in instances {
            let id = Arc::new(id);
            for device in devices {
                let listeners = self.of_device.entry(device).or_default();
                // A device has many series, and is looked at once.
                if listeners.last() != Some(&id) {
                    listeners.push(Arc::clone(&id));
                }
            }
            let budget = budgets.remove(&id).unwrap_or_default();
            self.budgets.insert(id, budget);
        }
        let budgets = &self.budgets;
        self.waiting.retain(|id| budgets.contains_key(id));
    }

    /// Returns the devices of which somebody wants to hear.
    pub fn devices(&self) -> HashSet<DeviceId> {
        self.of_device.keys().copied().collect()
    }

    /// Takes note that something was heard of devices.
    pub fn hear(&mut self, devices: &HashSet<DeviceId>) {
        let heard = devices.iter().filter_map(|one| self.of_device.get(one));
        self.waiting.extend(heard.flatten().cloned());
    }

    /// Returns the time from which one that has heard something may decide.
    pub fn due(&self) -> Option<Instant> {
        let free_at = |id| self.budgets.get(id).and_then(|one| one.free_at());
        self.waiting.iter().filter_map(free_at).min()
    }

    /// Takes those that decide now on what they have heard.
    pub fn take(&mut self, now: Instant) -> Vec<Arc<InstanceId>> {
        let Self {
            budgets, waiting, ..
        } = self;
        let mut taken = Vec::new();
        waiting.retain(|id| {
            let budget = budgets.get_mut(id).filter(|one| one.is_free(now));
            let Some(budget) = budget else {
                return true;
            };
            *budget = budget.used(now);
            taken.push(Arc::clone(id));
            false
        });
        taken
    }

    /// Takes note of a decision that was made anyway, on everything that was heard.
    pub fn decided(&mut self, policy: &PolicyName, target: Option<&TargetName>) {
        if !self.waiting.is_empty() {
            self.waiting.remove(&InstanceId {
                policy: policy.clone(),
                target: target.cloned(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use utakata_model::Target;

    use super::*;
    use crate::inventory::TargetEntry;

    fn device(number: u64) -> DeviceId {
        let target = Target::new("x".parse().unwrap(), "x".parse().unwrap(), "x".into());
        TargetEntry::of(target, number).device
    }

    fn id(policy: &str) -> InstanceId {
        InstanceId {
            policy: policy.parse().unwrap(),
            target: None,
        }
    }

    /// Two policies: one looks at the devices 1 and 2, the other at 2 and 3.
    fn two() -> Listeners {
        let mut listeners = Listeners::default();
        let of = |numbers: [u64; 3]| numbers.map(device).into_iter();
        listeners.listen([(id("one"), of([1, 2, 2])), (id("two"), of([2, 3, 3]))].into_iter());
        listeners
    }

    fn hear(listeners: &mut Listeners, number: u64) {
        listeners.hear(&HashSet::from([device(number)]));
    }

    fn taken(listeners: &mut Listeners, now: Instant) -> Vec<InstanceId> {
        let taken = listeners.take(now).into_iter();
        taken.map(|one| InstanceId::clone(&one)).collect()
    }

    /// Lets the first policy use everything.
    fn used_up(listeners: &mut Listeners, now: Instant) {
        for _ in 0..AT_ONCE {
            hear(listeners, 1);
            assert_eq!(taken(listeners, now), [id("one")]);
        }
    }

    #[test]
    fn whoever_looks_at_a_device_decides_at_once_and_nobody_else() {
        let (mut listeners, now) = (two(), Instant::now());
        assert_eq!(listeners.devices(), HashSet::from([1, 2, 3].map(device)));
        hear(&mut listeners, 4);
        assert!(taken(&mut listeners, now).is_empty());
        hear(&mut listeners, 3);
        hear(&mut listeners, 3);
        assert_eq!(taken(&mut listeners, now), [id("two")]);
        assert!(taken(&mut listeners, now).is_empty());
        hear(&mut listeners, 2);
        assert_eq!(taken(&mut listeners, now), [id("one"), id("two")]);
    }

    #[test]
    fn what_is_heard_too_early_is_decided_on_when_the_budget_allows_it() {
        let (mut listeners, now) = (two(), Instant::now());
        used_up(&mut listeners, now);
        hear(&mut listeners, 1);
        hear(&mut listeners, 1);
        assert!(taken(&mut listeners, now).is_empty());
        let due = listeners.due().unwrap();
        assert_eq!(due, now + EACH);
        // Others decide meanwhile.
        hear(&mut listeners, 3);
        assert_eq!(taken(&mut listeners, now), [id("two")]);
        let before = due.checked_sub(Duration::from_millis(1)).unwrap();
        assert!(taken(&mut listeners, before).is_empty());
        assert_eq!(taken(&mut listeners, due), [id("one")]);
        assert_eq!(listeners.due(), None);
        assert!(taken(&mut listeners, due + EACH).is_empty());
    }

    #[test]
    fn a_storm_costs_no_more_than_so_many_decisions_a_second() {
        let (mut listeners, start) = (two(), Instant::now());
        let mut decisions = 0;
        for millisecond in 0..10_000 {
            hear(&mut listeners, 1);
            let now = start + Duration::from_millis(millisecond);
            decisions += u32::try_from(taken(&mut listeners, now).len()).unwrap();
        }
        assert!((100..=100 + AT_ONCE).contains(&decisions), "{decisions}");
        // After a second of calm all of it is there again.
        used_up(&mut listeners, start + Duration::from_secs(11));
    }

    #[test]
    fn what_was_decided_on_anyway_is_not_decided_on_again() {
        let (mut listeners, now) = (two(), Instant::now());
        used_up(&mut listeners, now);
        hear(&mut listeners, 1);
        listeners.decided(&id("one").policy, None);
        assert_eq!(listeners.due(), None);
        assert!(taken(&mut listeners, now + EACH).is_empty());
    }

    #[test]
    fn whoever_goes_on_listening_loses_nothing_and_gains_nothing() {
        let (mut listeners, now) = (two(), Instant::now());
        used_up(&mut listeners, now);
        hear(&mut listeners, 2);
        let of = [device(1)].into_iter();
        listeners.listen([(id("one"), of)].into_iter());
        assert!(taken(&mut listeners, now).is_empty());
        assert_eq!(taken(&mut listeners, now + EACH), [id("one")]);
    }
}
