//! All alarms, in memory: what is heard, and the changes that follow. No IO; the clock is an
//! argument.

mod change;
mod hear;
mod output;
mod time;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use utakata_alarm::{Change, Event, Subject};
use utakata_api::alarm::AlarmChangeKind;
use utakata_model::{AlarmId, TargetName, alarm::WhenSilent, reading::Attributes};

pub use self::output::Output;
use super::{
    record::{Key, Record},
    rules::Rules,
    watched::Watched,
};
use crate::{inventory::TargetEntry, observe::Coverage, relations::Graph};

/// The name of utakata itself where alarms name a target.
pub const OWN: &str = "utakata";

/// The site, as far as it is known.
#[derive(Default)]
pub struct Surroundings {
    pub coverage: Arc<Coverage>,
    pub graph: Arc<Graph>,
    pub locks: HashMap<TargetName, Timestamp>,
}

/// All alarms.
pub struct Engine {
    pub(super) rules: Arc<Rules>,
    pub(super) site: Surroundings,
    /// On the heap one by one: a table has empty slots of their size.
    pub(super) targets: HashMap<TargetName, Box<Watched>>,
    pub(super) by_id: HashMap<AlarmId, Key>,
    /// Active alarms that others may explain.
    pub(super) explainable: BTreeSet<Key>,
    /// The targets that were asked because they may explain something, and since when.
    pub(super) asked: HashMap<TargetName, Timestamp>,
    pub(super) explain_due: bool,
    deadlines: BTreeSet<(Timestamp, Key)>,
    deadline_of: HashMap<Key, Timestamp>,
    silence: BTreeSet<(Timestamp, TargetName)>,
    number: u64,
    /// The time since which it hears: nothing from before counts as silence.
    began: Timestamp,
    pub(super) output: Output,
}

impl Engine {
    /// Creates the engine from what is stored.
    pub fn new(rules: Arc<Rules>, records: Vec<Record>, number: u64, began: Timestamp) -> Self {
        let mut engine = Self {
            rules,
            site: Surroundings::default(),
            targets: HashMap::new(),
            by_id: HashMap::new(),
            explainable: BTreeSet::new(),
            asked: HashMap::new(),
            explain_due: true,
            deadlines: BTreeSet::new(),
            deadline_of: HashMap::new(),
            silence: BTreeSet::new(),
            number,
            began,
            output: Output::default(),
        };
        for record in records {
            let mut record = record;
            if let Some(alarm) = &record.alarm {
                engine.number = engine.number.max(alarm.number);
                alarm.id.is_past();
            }
            // The clock may have been set back meanwhile.
            record.state.shift(&|at| at.min(began));
            engine.keep(Box::new(record));
        }
        engine
    }

    /// Takes over what is known of the site, and the targets that exist.
    pub fn surround(
        &mut self,
        coverage: Arc<Coverage>,
        graph: Arc<Graph>,
        targets: &[Arc<TargetEntry>],
        now: Timestamp,
    ) {
        self.site.coverage = coverage;
        self.site.graph = graph;
        let there: HashMap<&TargetName, &Arc<TargetEntry>> = targets
            .iter()
            .map(|entry| (&entry.target.name, entry))
            .collect();
        let gone = self.targets.keys().filter(|name| !there.contains_key(name));
        let gone: Vec<TargetName> = gone.filter(|name| name.as_str() != OWN).cloned().collect();
        for name in gone {
            self.end_target(&name, now);
        }
        for (name, entry) in there {
            let watched = self.targets.entry(name.clone()).or_default();
            watched.declare(entry);
            self.arm(name);
        }
        self.explain_due = true;
        self.end_unwatched(now);
    }

    /// Takes over the rules.
    pub fn rule(&mut self, rules: Arc<Rules>, now: Timestamp) {
        self.rules = rules;
        for watched in self.targets.values_mut() {
            watched.follow(&self.rules);
        }
        let names: Vec<TargetName> = self.targets.keys().cloned().collect();
        names.iter().for_each(|name| self.arm(name));
        self.explain_due = true;
        self.end_unwatched(now);
    }

    /// Ends everything that no rule is about any more: people were told of it, and are told its end.
    fn end_unwatched(&mut self, now: Timestamp) {
        let rules = Arc::clone(&self.rules);
        let mut ended = Vec::new();
        for (name, watched) in &mut self.targets {
            let records: Vec<_> = watched.records.keys().cloned().collect();
            for (rule, series) in records {
                let is_meant = rules.get(&rule).is_some_and(|rule| {
                    let is_silence = rule.rule.metric().is_none();
                    let is_read = self.site.coverage.of(name).is_some();
                    watched.is_meant(rule) && (is_read || !is_silence)
                });
                if !is_meant {
                    let target = name.clone();
                    ended.push(Key {
                        target,
                        rule,
                        series,
                    });
                }
            }
        }
        ended.iter().for_each(|key| self.end(key, now));
    }

    /// Moves all times by as much as the clock was set, so that everything keeps its age. Times that
    /// people have given stay.
    pub fn shift(&mut self, step: SignedDuration) {
        let shifted = |at: Timestamp| at.checked_add(step).unwrap_or(at);
        self.began = shifted(self.began);
        self.asked.values_mut().for_each(|at| *at = shifted(*at));
        // At the earlier moment: what is not due yet is put off once more.
        let earlier = |at: Timestamp| at.min(shifted(at));
        self.deadline_of
            .values_mut()
            .for_each(|at| *at = earlier(*at));
        let deadlines = std::mem::take(&mut self.deadlines);
        self.deadlines = deadlines
            .into_iter()
            .map(|(at, key)| (earlier(at), key))
            .collect();
        let silence = std::mem::take(&mut self.silence);
        self.silence = silence
            .into_iter()
            .map(|(at, target)| (shifted(at), target))
            .collect();
        for watched in self.targets.values_mut() {
            watched.shift(&shifted);
        }
    }

    fn end_target(&mut self, name: &TargetName, now: Timestamp) {
        let records = self
            .targets
            .get(name)
            .into_iter()
            .flat_map(|one| one.records.keys());
        let keys = records.map(|(rule, series)| Key {
            target: name.clone(),
            rule: rule.clone(),
            series: *series,
        });
        let keys: Vec<Key> = keys.collect();
        keys.iter().for_each(|key| self.end(key, now));
        self.targets.remove(name);
    }

    fn end(&mut self, key: &Key, now: Timestamp) {
        let Some(mut record) = self.take(key) else {
            return;
        };
        self.output.gone.insert(key.clone(), record.name());
        if record.is_active() {
            self.changed(&mut record, None, Change::Over, now);
        } else {
            self.apply(&mut record, Event::Nothing, AlarmChangeKind::Over, now);
        }
        // Nobody could acknowledge it any more.
        if let Some(alarm) = record.alarm {
            self.by_id.remove(&alarm.id);
            let last = self.output.changes.last_mut();
            if let Some(last) = last.filter(|last| last.alarm.id == alarm.id) {
                last.done = true;
            }
        }
        self.output.dirty.remove(key);
    }

    pub(super) fn record(&self, key: &Key) -> Option<&Record> {
        let records = &self.targets.get(&key.target)?.records;
        records
            .get(&(key.rule.clone(), key.series))
            .map(Box::as_ref)
    }

    pub(super) fn entry_of(&self, target: &TargetName) -> Option<&Arc<TargetEntry>> {
        self.targets.get(target)?.entry.as_ref()
    }

    pub(super) fn take(&mut self, key: &Key) -> Option<Box<Record>> {
        let records = &mut self.targets.get_mut(&key.target)?.records;
        // As almost always.
        if records.is_empty() {
            return None;
        }
        let record = records.remove(&(key.rule.clone(), key.series))?;
        self.explainable.remove(key);
        if let Some(at) = self.deadline_of.remove(key) {
            self.deadlines.remove(&(at, key.clone()));
        }
        Some(record)
    }

    pub(super) fn keep(&mut self, record: Box<Record>) {
        let key = record.key();
        let rule = self.rules.get(&key.rule).cloned();
        if let Some(alarm) = &record.alarm {
            self.by_id.insert(alarm.id, key.clone());
        }
        let may_be_explained = rule
            .as_ref()
            .is_some_and(|rule| !rule.rule.rule().because.is_empty());
        if may_be_explained && record.is_active() {
            self.explainable.insert(key.clone());
        }
        let facts = record
            .alarm
            .as_ref()
            .and_then(|alarm| alarm.facts.deadline());
        let state = rule
            .as_ref()
            .and_then(|rule| record.state.deadline(&rule.rule));
        // Where silence changes something it is waited for, even if all is well.
        let waits = !record.state.is_idle()
            || rule
                .as_ref()
                .is_some_and(|rule| rule.rule.rule().silent == WhenSilent::Raise);
        let watched = self.targets.entry(key.target.clone()).or_default();
        watched
            .records
            .insert((key.rule.clone(), key.series), record);
        let silent = self.silent_from(&key).filter(|_| waits || state.is_some());
        if let Some(at) = facts.into_iter().chain(state).chain(silent).min() {
            self.deadlines.insert((at, key.clone()));
            self.deadline_of.insert(key, at);
        }
    }
}

fn subject<'a>(entry: &'a TargetEntry, attributes: &'a Attributes) -> Subject<'a> {
    Subject {
        target: Some(&entry.target),
        attributes,
    }
}

fn age(now: Timestamp, then: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
