//! The alarms as they were last recorded, for everybody who asks.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use utakata_api::alarm::{AlarmCounts, AlarmHold, AlarmView};
use utakata_model::{AlarmId, Severity, TargetName};

use super::{
    rules::Rules,
    view::{Filter, cause, is_explained},
};
use crate::inventory::Inventory;

/// The longest chain of causes that is followed.
const MAX_CHAIN: usize = 32;

/// The alarms as they were last recorded.
#[derive(Debug, Default)]
pub struct Shown {
    alarms: HashMap<AlarmId, Arc<AlarmView>>,
    of_target: HashMap<TargetName, BTreeSet<AlarmId>>,
    pub rules: Arc<Rules>,
    /// The number of the last change.
    pub number: u64,
}

impl Shown {
    pub(super) fn put(&mut self, view: AlarmView) {
        let of_target = self.of_target.entry(view.target.clone()).or_default();
        of_target.insert(view.id);
        self.number = self.number.max(view.number);
        self.alarms.insert(view.id, Arc::new(view));
    }

    pub(super) fn remove(&mut self, id: AlarmId, number: u64) {
        self.number = self.number.max(number);
        let Some(view) = self.alarms.remove(&id) else {
            return;
        };
        if let Some(of_target) = self.of_target.get_mut(&view.target) {
            of_target.remove(&id);
            if of_target.is_empty() {
                self.of_target.remove(&view.target);
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.alarms.clear();
        self.of_target.clear();
    }

    pub fn get(&self, id: AlarmId) -> Option<&Arc<AlarmView>> {
        self.alarms.get(&id)
    }

    /// Returns the alarms of a target.
    pub fn of(&self, target: &TargetName) -> Vec<Arc<AlarmView>> {
        let ids = self.of_target.get(target).into_iter().flatten();
        ids.filter_map(|id| self.alarms.get(id).cloned()).collect()
    }

    /// Returns the alarms that a filter matches: the worst first, of those the newest.
    pub fn list(&self, filter: &Filter, inventory: &Inventory) -> Vec<Arc<AlarmView>> {
        let is_meant = |view: &&Arc<AlarmView>| {
            let entry = match filter.selector.is_everything() {
                true => None,
                false => inventory.find(&view.target),
            };
            filter.matches(view, entry.as_ref().map(|entry| &*entry.target))
        };
        let mut found: Vec<Arc<AlarmView>> =
            self.alarms.values().filter(is_meant).cloned().collect();
        found.sort_by_key(|view| order(view));
        found
    }

    /// Returns the numbers of alarms.
    pub fn counts(&self) -> AlarmCounts {
        let mut counts = AlarmCounts::default();
        for view in self.alarms.values().filter(|view| view.active) {
            match &view.held {
                Some(AlarmHold::Person { .. } | AlarmHold::Lock { .. }) => counts.held += 1,
                _ if is_explained(view) => counts.explained += 1,
                _ => {
                    counts.causes += 1;
                    counts.unacknowledged += u64::from(view.seen.is_none());
                    counts.critical += u64::from(view.severity == Severity::Critical);
                }
            }
        }
        counts
    }

    /// Returns the alarms that explain one, nearest first.
    pub fn causes(&self, id: AlarmId) -> Vec<Arc<AlarmView>> {
        let mut causes: Vec<Arc<AlarmView>> = Vec::new();
        let mut at = self.alarms.get(&id).and_then(|view| cause(view));
        while let Some(view) = at.and_then(|id| self.alarms.get(&id)) {
            if causes.len() >= MAX_CHAIN || causes.iter().any(|known| known.id == view.id) {
                break;
            }
            causes.push(Arc::clone(view));
            at = cause(view);
        }
        causes
    }

    /// Returns the number of alarms that each explains, directly or through others.
    pub fn explained(&self) -> HashMap<AlarmId, u64> {
        let mut counts: HashMap<AlarmId, u64> = HashMap::new();
        for view in self
            .alarms
            .values()
            .filter(|view| view.active && cause(view).is_some())
        {
            for cause in self.causes(view.id) {
                *counts.entry(cause.id).or_default() += 1;
            }
        }
        counts
    }
}

/// Returns the key by which alarms are sorted.
pub fn order(view: &AlarmView) -> String {
    let severity = match view.severity {
        Severity::Critical => 0,
        Severity::Major => 1,
        Severity::Minor => 2,
        Severity::Notice => 3,
    };
    let newest_first = i64::MAX - view.raised.as_millisecond();
    format!("{severity}-{newest_first:020}-{}", view.id)
}
