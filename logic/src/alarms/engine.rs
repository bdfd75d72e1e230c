//! All alarms, in memory: what is heard, and the changes that follow. No IO; the clock is an
//! argument.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use utakata_alarm::{Change, Event, Heard, Seen, State, Subject, step};
use utakata_api::alarm::{AlarmChange, AlarmChangeKind, AlarmNotice, AlarmView};
use utakata_model::{
    AlarmId, Quality, ReadingValue, Readings, Severity, TargetName, alarm::WhenSilent,
    reading::Attributes,
};

use super::{
    Act, ActVerb, Error,
    own::OwnFigure,
    record::{Alarm, Key, Record, series},
    rules::{Numbered, Rules},
    view,
    watched::Watched,
};
use crate::{
    audit::AlarmAct,
    inventory::TargetEntry,
    observe::Coverage,
    relations::Graph,
    store::{AlarmChangeRow, AlarmWrites},
};
use utakata_alarm::Notice;
use utakata_api::ledger::Attribution;

/// The name of utakata itself where alarms name a target.
pub const OWN: &str = "utakata";

/// What is known of the site.
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
    pub(super) targets: HashMap<TargetName, Watched>,
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

/// Everything that follows from what was heard.
#[derive(Default)]
pub struct Output {
    pub dirty: BTreeSet<Key>,
    /// The names in the store of records that are no more.
    pub gone: BTreeMap<Key, String>,
    pub changes: Vec<AlarmChange>,
    pub acts: Vec<AlarmAct>,
    /// Targets to read at once, because they may explain something.
    pub ask: BTreeSet<TargetName>,
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
            if let Some(alarm) = &record.alarm {
                engine.number = engine.number.max(alarm.number);
                alarm.id.is_past();
            }
            engine.keep(record);
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
            watched.forget_rules();
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
        }
        if let Some(alarm) = record.alarm {
            self.by_id.remove(&alarm.id);
        }
        self.output.dirty.remove(key);
    }

    /// Hears readings of a target.
    pub fn saw(&mut self, entry: &Arc<TargetEntry>, readings: &Readings, now: Timestamp) {
        let name = &entry.target.name;
        let watched = self.targets.entry(name.clone()).or_default();
        watched.declare(entry);
        if !watched.is_new(&readings.action, readings.time) {
            return;
        }
        let rules = Arc::clone(&self.rules);
        for reading in &readings.readings {
            for rule in rules.on(&reading.metric) {
                let Some(watched) = self.targets.get_mut(name) else {
                    return;
                };
                let is_meant = reading.quality == Quality::Good
                    && watched.is_meant(rule)
                    && rule.rule.has(&reading.attributes);
                if is_meant {
                    let value = Heard::Value(subject(entry, &reading.attributes), &reading.value);
                    self.step(name, rule, &reading.attributes, &reading.unit, &value, now);
                }
            }
        }
    }

    /// Hears one of utakata's own figures.
    pub fn measured(&mut self, figure: &OwnFigure, now: Timestamp) {
        let Ok(name) = OWN.parse::<TargetName>() else {
            return;
        };
        self.targets.entry(name.clone()).or_default();
        let rules = Arc::clone(&self.rules);
        let attributes = Attributes::default();
        let value = ReadingValue::Number(figure.value);
        for rule in rules.on(&figure.metric) {
            let subject = Subject {
                target: None,
                attributes: &attributes,
            };
            let heard = Heard::Value(subject, &value);
            self.step(&name, rule, &attributes, &figure.unit.into(), &heard, now);
        }
    }

    /// Hears the end of an attempt to observe a target.
    pub fn ended(&mut self, entry: &Arc<TargetEntry>, is_answer: bool, now: Timestamp) {
        let name = &entry.target.name;
        let watched = self.targets.entry(name.clone()).or_default();
        watched.declare(entry);
        let was_asked = self.asked.remove(name).is_some();
        self.explain_due |= was_asked;
        let rules = Arc::clone(&self.rules);
        let attributes = Attributes::default();
        if !is_answer {
            // It may explain what is silent, and was asked just now.
            for rule in rules.silence().iter().filter(|_| was_asked) {
                self.silent(name, rule, now);
            }
            return;
        }
        watched.answered = Some(now);
        let value = ReadingValue::Text("answers".into());
        for rule in rules.silence() {
            let key = (rule.rule.rule().name.clone(), series(&attributes));
            let known = self
                .targets
                .get(name)
                .is_some_and(|one| one.records.contains_key(&key));
            if known {
                let heard = Heard::Value(subject(entry, &attributes), &value);
                self.step(name, rule, &attributes, &"".into(), &heard, now);
            }
        }
        for rule in rules.absence() {
            self.look_for_absence(entry, rule, now);
        }
        self.arm(name);
    }

    /// Notices that a target answers without a metric that it should have.
    fn look_for_absence(&mut self, entry: &Arc<TargetEntry>, rule: &Numbered, now: Timestamp) {
        let name = &entry.target.name;
        let Some(covers) = self.site.coverage.of(name) else {
            return;
        };
        let Some(watched) = self.targets.get_mut(name) else {
            return;
        };
        if !watched.is_meant(rule) {
            return;
        }
        let of_rule = |(known, _): &(&(utakata_model::AlarmName, u64), &Record)| {
            known.0 == rule.rule.rule().name
        };
        let heard = watched.records.iter().filter(of_rule);
        let heard = heard.filter_map(|(_, record)| record.state.heard()).max();
        let since = heard.unwrap_or(self.began).max(self.began);
        if age(now, since) > covers.allows() {
            self.silent(name, rule, now);
        }
    }

    fn silent(&mut self, name: &TargetName, rule: &Numbered, now: Timestamp) {
        let Some(watched) = self.targets.get_mut(name) else {
            return;
        };
        if watched.is_meant(rule) {
            let attributes = Attributes::default();
            self.step(name, rule, &attributes, &"".into(), &Heard::Silence, now);
        }
    }

    /// Hears that a target is locked until a time, or not.
    pub fn locked(&mut self, target: &TargetName, until: Option<Timestamp>, now: Timestamp) {
        match until {
            Some(until) => self.site.locks.insert(target.clone(), until),
            None => self.site.locks.remove(target),
        };
        let kind = match until {
            Some(_) => AlarmChangeKind::Locked,
            None => AlarmChangeKind::Unlocked,
        };
        let records = self
            .targets
            .get(target)
            .into_iter()
            .flat_map(|one| &one.records);
        let with_alarm = records.filter(|(_, record)| record.alarm.is_some());
        let keys: Vec<Key> = with_alarm.map(|(_, record)| record.key()).collect();
        for key in keys {
            self.happen(&key, Event::Lock(until), kind, now);
        }
    }

    /// Carries out an act of a person.
    ///
    /// # Errors
    /// There is no such alarm, or it is not shelved.
    pub fn act(&mut self, act: &Act, now: Timestamp) -> Result<AlarmView, Error> {
        let key = self.by_id.get(&act.alarm).cloned();
        let key = key.ok_or(Error::NotFound(act.alarm))?;
        let by = Seen {
            at: now,
            ..act.by.clone()
        };
        let (event, kind, until) = match act.verb {
            ActVerb::Acknowledge => (Event::Acknowledge(by), AlarmChangeKind::Acknowledged, None),
            ActVerb::Shelve(until) => {
                let event = Event::Shelve(by, until);
                (event, AlarmChangeKind::Shelved, Some(until))
            }
            ActVerb::Unshelve => (Event::Unshelve, AlarmChangeKind::Unshelved, None),
        };
        let record = self.record(&key).ok_or(Error::NotFound(act.alarm))?;
        let facts = record.alarm.as_ref().map(|alarm| &alarm.facts);
        let is_shelved = facts.is_some_and(|facts| facts.held.shelved.is_some());
        if act.verb == ActVerb::Unshelve && !is_shelved {
            return Err(Error::NotShelved(act.alarm));
        }
        self.output.acts.push(AlarmAct {
            alarm: act.alarm,
            rule: key.rule.clone(),
            target: key.target.clone(),
            act: kind.as_str(),
            until,
            attribution: Attribution {
                by: act.by.by.clone(),
                at: now,
                why: act.by.why.clone(),
            },
        });
        self.happen(&key, event, kind, now)
            .ok_or(Error::NotFound(act.alarm))
    }

    /// Notices what time alone has changed.
    pub fn tick(&mut self, now: Timestamp) {
        while let Some((at, name)) = self.silence.first().cloned()
            && at <= now
        {
            self.silence.pop_first();
            self.be_silent(&name, now);
        }
        while let Some((at, key)) = self.deadlines.first().cloned()
            && at <= now
        {
            self.deadlines.pop_first();
            self.deadline_of.remove(&key);
            self.due(&key, now);
        }
    }

    /// Returns the next moment at which time alone changes something.
    pub fn deadline(&self) -> Option<Timestamp> {
        let silence = self.silence.first().map(|(at, _)| *at);
        let others = self.deadlines.first().map(|(at, _)| *at);
        silence.into_iter().chain(others).min()
    }

    fn due(&mut self, key: &Key, now: Timestamp) {
        let Some(rule) = self.rules.get(&key.rule).cloned() else {
            return;
        };
        let Some(record) = self.record(key) else {
            return;
        };
        let (attributes, unit) = (record.attributes.clone(), Arc::clone(&record.unit));
        let is_silent = self.silent_from(key).is_some_and(|from| from <= now);
        let heard = match is_silent {
            true => Heard::Silence,
            false => Heard::Nothing,
        };
        self.step(&key.target, &rule, &attributes, &unit, &heard, now);
        self.happen(key, Event::Nothing, AlarmChangeKind::Unshelved, now);
    }

    /// Returns the time from which a series that is still waited for counts as silent.
    fn silent_from(&self, key: &Key) -> Option<Timestamp> {
        let record = self.record(key)?;
        let rule = self.rules.get(&key.rule)?;
        let is_watched = rule.rule.metric().is_some() && !record.state.is_silent();
        let covers = self.site.coverage.of(&key.target).filter(|_| is_watched)?;
        let heard = record.state.heard()?.max(self.began);
        heard.checked_add(covers.allows()).ok()
    }

    fn be_silent(&mut self, name: &TargetName, now: Timestamp) {
        if let Some(watched) = self.targets.get_mut(name) {
            watched.is_armed = false;
        }
        let rules = Arc::clone(&self.rules);
        for rule in rules.silence() {
            if self.silence_of(name, rule).is_some_and(|at| at <= now) {
                self.silent(name, rule, now);
            }
        }
        self.arm_after(name, now);
    }

    /// Returns the time from which a rule takes a target for silent.
    fn silence_of(&self, name: &TargetName, rule: &Numbered) -> Option<Timestamp> {
        let utakata_alarm::Watch::Silence { intervals } = rule.rule.watch() else {
            return None;
        };
        let covers = self.site.coverage.of(name)?;
        let answered = self.targets.get(name)?.answered;
        let since = answered.unwrap_or(self.began).max(self.began);
        let lasts: Duration = covers.interval.saturating_mul(*intervals) + covers.timeout;
        since.checked_add(lasts).ok()
    }

    fn arm(&mut self, name: &TargetName) {
        self.arm_after(name, Timestamp::MIN);
    }

    fn arm_after(&mut self, name: &TargetName, after: Timestamp) {
        if self
            .targets
            .get(name)
            .is_none_or(|watched| watched.is_armed)
        {
            return;
        }
        let rules = self.rules.silence().iter();
        let next = rules.filter_map(|rule| self.silence_of(name, rule));
        let Some(next) = next.filter(|at| *at > after).min() else {
            return;
        };
        if let Some(watched) = self.targets.get_mut(name) {
            watched.is_armed = true;
            self.silence.insert((next, name.clone()));
        }
    }

    fn step(
        &mut self,
        name: &TargetName,
        rule: &Numbered,
        attributes: &Attributes,
        unit: &Arc<str>,
        heard: &Heard<'_>,
        now: Timestamp,
    ) {
        let key = Key {
            target: name.clone(),
            rule: rule.rule.rule().name.clone(),
            series: series(attributes),
        };
        let known = self.take(&key);
        let is_new = known.is_none();
        let before = known.as_ref().map(|record| record.state.clone());
        let state = before.clone().unwrap_or_default();
        let (state, change) = step(&rule.rule, state, heard, now);
        let keeps = rule.rule.rule().silent == WhenSilent::Raise;
        if is_new && change.is_none() && state.is_idle() && !keeps {
            return;
        }
        let mut record = known.unwrap_or_else(|| Record {
            rule: key.rule.clone(),
            target: key.target.clone(),
            attributes: attributes.clone(),
            unit: Arc::clone(unit),
            state: State::default(),
            alarm: None,
        });
        let is_changed = before.is_none_or(|before| state.differs(&before));
        record.state = state;
        if let Some(change) = change {
            self.changed(&mut record, Some(rule), change, now);
        }
        let is_done = record.alarm.is_none() && record.state.is_idle() && !keeps;
        match is_done {
            true => {
                let name = record.name();
                self.output.dirty.remove(&key);
                self.output.gone.insert(key, name);
            }
            false => {
                // A trend without an alarm is not worth a row for each value.
                if is_changed || change.is_some() {
                    self.output.dirty.insert(key);
                }
                self.keep(record);
            }
        }
    }

    /// Applies a change of the condition to the alarm of a record.
    fn changed(
        &mut self,
        record: &mut Record,
        rule: Option<&Numbered>,
        change: Change,
        now: Timestamp,
    ) {
        let kind = match change {
            Change::Raised => AlarmChangeKind::Raised,
            Change::Over => AlarmChangeKind::Over,
            Change::Flapping => AlarmChangeKind::Flapping,
            Change::Steady => AlarmChangeKind::Steady,
        };
        if change == Change::Raised {
            let Some(rule) = rule else { return };
            self.raise(record, rule, now);
        }
        if change == Change::Over
            && let Some(alarm) = &mut record.alarm
        {
            alarm.over = Some(now);
        }
        let explains = rule.is_none_or(|rule| !rule.rule.rule().explains.is_empty());
        self.explain_due |= explains;
        self.apply(record, Event::Condition(change), kind, now);
    }

    /// Begins an alarm, or the same one again while nobody has seen it.
    fn raise(&mut self, record: &mut Record, rule: &Numbered, now: Timestamp) {
        let of = rule.rule.rule();
        let text = view::sentence(record, &rule.rule, self.entry_of(&record.target));
        let alarm = record.alarm.get_or_insert_with(|| Alarm {
            id: AlarmId::generate(),
            number: 0,
            raised: now,
            over: None,
            severity: of.severity,
            text: String::new(),
            what_to_do: String::new(),
            facts: Default::default(),
            asked: false,
        });
        if alarm.over.take().is_some() {
            alarm.raised = now;
        }
        alarm.severity = of.severity;
        alarm.text = text;
        alarm.what_to_do = of.what_to_do.replace("{target}", record.target.as_str());
        alarm.asked = false;
        if let Some(until) = self.site.locks.get(&record.target) {
            alarm.facts.on(Event::Lock(Some(*until)), now);
        }
        if !of.because.is_empty() {
            self.suspect(record, rule, now);
        }
    }

    /// Applies an event to an alarm, and records the change.
    pub(super) fn happen(
        &mut self,
        key: &Key,
        event: Event,
        kind: AlarmChangeKind,
        now: Timestamp,
    ) -> Option<AlarmView> {
        let mut record = self.take(key)?;
        let is_silent_tick = event == Event::Nothing;
        let view = match is_silent_tick {
            true => self.expire(&mut record, now),
            false => self.apply(&mut record, event, kind, now),
        };
        let is_done = record.alarm.is_none() && record.state.is_idle();
        match is_done {
            true => {
                let name = record.name();
                self.output.dirty.remove(key);
                self.output.gone.insert(key.clone(), name);
            }
            false => {
                if !is_silent_tick || view.is_some() {
                    self.output.dirty.insert(key.clone());
                }
                self.keep(record);
            }
        }
        view
    }

    /// Ends whatever held an alarm back until now.
    fn expire(&mut self, record: &mut Record, now: Timestamp) -> Option<AlarmView> {
        let held = &record.alarm.as_ref()?.facts.held;
        let is_over = |until: Option<Timestamp>| until.is_some_and(|until| until <= now);
        let kind = match () {
            () if is_over(held.shelved.as_ref().map(|(_, until)| *until)) => {
                AlarmChangeKind::Unshelved
            }
            () if is_over(held.lock) => AlarmChangeKind::Unlocked,
            () if is_over(held.suspected) => AlarmChangeKind::Unexplained,
            () => return None,
        };
        self.apply(record, Event::Nothing, kind, now)
    }

    pub(super) fn apply(
        &mut self,
        record: &mut Record,
        event: Event,
        kind: AlarmChangeKind,
        now: Timestamp,
    ) -> Option<AlarmView> {
        let alarm = record.alarm.as_mut()?;
        let notice = alarm.facts.on(event, now);
        self.number += 1;
        alarm.number = self.number;
        let needs_seen = alarm.severity != Severity::Notice;
        let done = alarm.facts.is_done(needs_seen, now);
        let view = view::view(record, now)?;
        self.output.changes.push(AlarmChange {
            number: self.number,
            at: now,
            change: kind,
            notice: notice.map(|notice| match notice {
                Notice::Raised => AlarmNotice::Raised,
                Notice::Over => AlarmNotice::Over,
            }),
            alarm: view.clone(),
            done,
        });
        if done {
            self.by_id.remove(&view.id);
            record.alarm = None;
        }
        Some(view)
    }

    pub(super) fn record(&self, key: &Key) -> Option<&Record> {
        let records = &self.targets.get(&key.target)?.records;
        records.get(&(key.rule.clone(), key.series))
    }

    pub(super) fn entry_of(&self, target: &TargetName) -> Option<&Arc<TargetEntry>> {
        self.targets.get(target)?.entry.as_ref()
    }

    pub(super) fn take(&mut self, key: &Key) -> Option<Record> {
        let records = &mut self.targets.get_mut(&key.target)?.records;
        let record = records.remove(&(key.rule.clone(), key.series))?;
        self.explainable.remove(key);
        if let Some(at) = self.deadline_of.remove(key) {
            self.deadlines.remove(&(at, key.clone()));
        }
        Some(record)
    }

    pub(super) fn keep(&mut self, record: Record) {
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
        let state = rule.and_then(|rule| record.state.deadline(&rule.rule));
        let is_idle = record.state.is_idle();
        let watched = self.targets.entry(key.target.clone()).or_default();
        watched
            .records
            .insert((key.rule.clone(), key.series), record);
        let silent = self
            .silent_from(&key)
            .filter(|_| !is_idle || state.is_some());
        if let Some(at) = facts.into_iter().chain(state).chain(silent).min() {
            self.deadlines.insert((at, key.clone()));
            self.deadline_of.insert(key, at);
        }
    }

    /// Returns everything that follows from what was heard, and begins anew.
    pub fn take_output(&mut self) -> Output {
        std::mem::take(&mut self.output)
    }

    /// Takes back what could not be recorded, before what has followed since.
    pub fn give_back(&mut self, output: Output) {
        let since = std::mem::replace(&mut self.output, output);
        self.output.gone.extend(since.gone);
        self.output.dirty.extend(since.dirty);
        self.output.changes.extend(since.changes);
        // Whoever acted was refused, and what was asked is asked again when it is due.
        self.output.acts = since.acts;
        self.output.ask = since.ask;
    }

    /// Returns the rows of an output.
    pub fn writes(&self, output: &Output) -> AlarmWrites {
        let mut writes = AlarmWrites::default();
        for name in output.gone.values() {
            writes.rows.insert(name.clone(), None);
        }
        for record in output.dirty.iter().filter_map(|key| self.record(key)) {
            match serde_json::to_string(record) {
                Ok(body) => drop(writes.rows.insert(record.name(), Some(body))),
                Err(error) => utakata_invariant::broken("an alarm that is no JSON", &error),
            }
        }
        for change in &output.changes {
            match serde_json::to_string(change) {
                Ok(body) => writes.changes.push(AlarmChangeRow {
                    number: change.number,
                    body,
                }),
                Err(error) => utakata_invariant::broken("a change that is no JSON", &error),
            }
        }
        writes
    }
}

impl Output {
    pub fn is_empty(&self) -> bool {
        self.dirty.is_empty() && self.gone.is_empty() && self.changes.is_empty()
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
