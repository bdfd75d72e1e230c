//! One target, as alarms see it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use utakata_model::{ActionName, AlarmName};

use super::{
    record::Record,
    rules::{Numbered, Rules},
    trends::Trends,
};
use crate::{inventory::TargetEntry, observe::Covers};

/// The attempts of workers that a target has not answered, since its last answer.
#[derive(Debug, Clone, Copy)]
pub struct InVain {
    /// The time since which it is waited for: of its last answer, unless nobody asked for a while.
    pub since: Timestamp,
    /// The time of the last attempt.
    pub last: Timestamp,
}

/// One target, as alarms see it.
#[derive(Debug, Default)]
pub struct Watched {
    /// Absent for utakata itself.
    pub entry: Option<Arc<TargetEntry>>,
    /// The time of its last answer.
    pub answered: Option<Timestamp>,
    /// The attempts since then.
    pub in_vain: Option<InVain>,
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

    /// Notes an attempt of a worker that the target did not answer. It was waited for since `began`
    /// at the earliest.
    pub fn is_tried_in_vain(&mut self, covers: Option<Covers>, began: Timestamp, now: Timestamp) {
        let known = self.in_vain.map(|known| (known.since, known.last));
        let answered = self.answered.map_or(began, |answered| answered.max(began));
        let (since, before) = known.unwrap_or((answered, answered));
        // What nobody asked for is not silent: its silence begins now.
        let is_gap = covers.is_some_and(|covers| covers.is_stale(before, now));
        self.in_vain = Some(InVain {
            since: if is_gap { now } else { since },
            last: now,
        });
    }

    /// Returns true if a target that is waited for was asked in vain just now.
    pub fn is_asked_in_vain(&self, covers: Covers, now: Timestamp) -> bool {
        let within = covers.interval.max(covers.timeout);
        let ago = |tried| Duration::try_from(now.duration_since(tried)).unwrap_or_default();
        self.in_vain.is_some_and(|tried| ago(tried.last) < within)
    }

    /// Returns true if somebody asked it after a value was heard, with or without an answer.
    pub fn is_asked_since(&self, heard: Timestamp, covers: Covers) -> bool {
        let asked = self.in_vain.map(|tried| tried.last).max(self.answered);
        asked.is_some_and(|asked| asked.duration_since(heard) >= half(covers.interval))
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

    /// Moves all times, because the clock was set. What is read from now on is new, whatever the clock
    /// showed before; trends begin anew.
    pub fn shift(&mut self, shifted: &dyn Fn(Timestamp) -> Timestamp) {
        self.answered = self.answered.map(shifted);
        self.in_vain = self.in_vain.map(|tried| InVain {
            since: shifted(tried.since),
            last: shifted(tried.last),
        });
        self.present
            .iter_mut()
            .for_each(|(_, at)| *at = shifted(*at));
        self.latest.clear();
        self.trends = Trends::default();
        for record in self.records.values_mut() {
            record.state.shift(shifted);
            if let Some(alarm) = &mut record.alarm {
                let suspected = &mut alarm.facts.held.suspected;
                *suspected = suspected.map(shifted);
            }
        }
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

fn half(interval: Duration) -> SignedDuration {
    SignedDuration::try_from(interval / 2).unwrap_or(SignedDuration::MAX)
}
