//! One target, as alarms see it.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use utakata_model::{ActionName, AlarmName};

use super::{
    record::Record,
    rules::{Numbered, Rules},
    trends::Trends,
};
use crate::inventory::TargetEntry;

/// One target, as alarms see it.
#[derive(Debug, Default)]
pub struct Watched {
    /// Absent for utakata itself.
    pub entry: Option<Arc<TargetEntry>>,
    /// The time of its last answer.
    pub answered: Option<Timestamp>,
    /// True while a time is kept at which it may be silent.
    pub is_armed: bool,
    /// On the heap one by one: a table has empty slots of their size.
    pub records: HashMap<(AlarmName, u64), Box<Record>>,
    /// The last values of its series, as far as rules look back.
    pub trends: Trends,
    /// The times at which metrics were last there that rules on absence wait for.
    present: Vec<(AlarmName, Timestamp)>,
    /// The times of the latest readings of each action.
    latest: Vec<(ActionName, Timestamp)>,
    /// The rules that are about it, as far as that was asked.
    about: Vec<Option<bool>>,
}

impl Watched {
    /// Takes over the target as it is declared now.
    pub fn declare(&mut self, entry: &Arc<TargetEntry>) {
        if !self
            .entry
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, entry))
        {
            self.entry = Some(Arc::clone(entry));
            self.about.clear();
        }
    }

    /// Takes over the rules: which of them are about it is asked anew.
    pub fn follow(&mut self, rules: &Rules) {
        self.about = Vec::new();
        self.present = Vec::new();
        self.trends.follow(rules);
    }

    /// Returns true if a rule is about it.
    pub fn is_meant(&mut self, rule: &Numbered) -> bool {
        if self.about.len() <= rule.number {
            self.about.reserve_exact(rule.number + 1 - self.about.len());
            self.about.resize(rule.number + 1, None);
        }
        let entry = self.entry.as_ref();
        *self.about[rule.number]
            .get_or_insert_with(|| entry.is_none_or(|entry| rule.rule.is_about(&entry.target)))
    }

    /// Notes that the metric of a rule on absence is there.
    pub fn is_there(&mut self, rule: &AlarmName, now: Timestamp) {
        match self.present.iter_mut().find(|(of, _)| of == rule) {
            Some((_, at)) => *at = now,
            None => self.present.push((rule.clone(), now)),
        }
    }

    /// Returns the time at which the metric of a rule on absence was last there.
    pub fn was_there(&self, rule: &AlarmName) -> Option<Timestamp> {
        let mut present = self.present.iter();
        present.find_map(|(of, at)| (of == rule).then_some(*at))
    }

    /// Returns true if readings of an action are newer than those before them.
    pub fn is_new(&mut self, action: &ActionName, time: Timestamp) -> bool {
        match self.latest.iter_mut().find(|(known, _)| known == action) {
            None => {
                self.latest.reserve_exact(1);
                self.latest.push((action.clone(), time));
                true
            }
            Some((_, latest)) if *latest <= time => {
                *latest = time;
                true
            }
            Some(_) => false,
        }
    }
}
