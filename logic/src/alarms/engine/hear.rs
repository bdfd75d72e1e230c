//! Everything that is heard: readings, ends of attempts, locks, acts of people.

use std::sync::Arc;

use jiff::Timestamp;
use utakata_alarm::{Event, Heard, Seen, Subject, Trend, Watch};
use utakata_api::{
    alarm::{AlarmChangeKind, AlarmView},
    ledger::Attribution,
};
use utakata_model::{Quality, ReadingValue, Readings, TargetName, reading::Attributes};

use super::{Engine, OWN, age, subject};
use crate::{
    alarms::{
        Act, ActVerb, Error,
        own::OwnFigure,
        record::{Key, series},
        rules::Numbered,
        trends::Window,
    },
    audit::AlarmAct,
    inventory::TargetEntry,
    observed::Contact,
};

impl Engine {
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
                let is_meant = watched.is_meant(rule) && rule.rule.has(&reading.attributes);
                if is_meant && matches!(rule.rule.watch(), Watch::Absence { .. }) {
                    self.present(entry, rule, now);
                } else if is_meant && reading.quality == Quality::Good {
                    let subject = subject(entry, &reading.attributes);
                    let value = (&reading.value, &reading.unit);
                    self.value(name, rule, subject, value, now);
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
            self.value(&name, rule, subject, (&value, &figure.unit.into()), now);
        }
    }

    /// Hears a value of a series that a rule is about, with those before it as far as the rule looks
    /// back.
    fn value(
        &mut self,
        name: &TargetName,
        rule: &Numbered,
        of: Subject<'_>,
        (value, unit): (&ReadingValue, &Arc<str>),
        now: Timestamp,
    ) {
        let series_of = (of.attributes, unit);
        let length = rule.rule.window();
        let (Some(metric), false) = (rule.rule.metric(), length.is_zero()) else {
            let heard = Heard::Value(of, value, Trend::NONE);
            return self.step(name, rule, series_of, &heard, now);
        };
        let window = Window {
            metric,
            series: series(of.attributes),
            length,
        };
        let Some(watched) = self.targets.get_mut(name) else {
            return;
        };
        let lent = watched.trends.lend(window, value, now);
        let heard = Heard::Value(of, value, &lent.1);
        self.step(name, rule, series_of, &heard, now);
        if let Some(watched) = self.targets.get_mut(name) {
            watched.trends.give_back(lent);
        }
    }

    /// Hears the end of an attempt to observe a target.
    pub fn ended(&mut self, entry: &Arc<TargetEntry>, contact: Contact, now: Timestamp) {
        let name = &entry.target.name;
        let covers = self.site.coverage.of(name);
        let watched = self.targets.entry(name.clone()).or_default();
        watched.declare(entry);
        let was_asked = self.asked.remove(name).is_some();
        self.explain_due |= was_asked;
        let rules = Arc::clone(&self.rules);
        let attributes = Attributes::default();
        match contact {
            Contact::None => return,
            Contact::InVain => {
                watched.is_tried_in_vain(covers, self.began, now);
                for rule in rules.silence() {
                    // It may explain what is silent, and was asked just now.
                    if was_asked || self.silence_of(name, rule).is_some_and(|at| at <= now) {
                        self.silent(name, rule, now);
                    }
                }
                return self.arm_after(name, now);
            }
            Contact::Answer => {
                watched.answered = Some(now);
                watched.in_vain = None;
            }
        }
        let value = ReadingValue::Text("answers".into());
        for rule in rules.silence() {
            let key = (rule.rule.rule().name.clone(), series(&attributes));
            let known = self
                .targets
                .get(name)
                .is_some_and(|one| one.records.contains_key(&key));
            if known {
                let heard = Heard::Value(subject(entry, &attributes), &value, Trend::NONE);
                self.step(name, rule, (&attributes, &"".into()), &heard, now);
            }
        }
        for rule in rules.absence() {
            self.look_for_absence(entry, rule, now);
        }
        self.arm(name);
    }

    /// Hears that the metric is there whose absence a rule is about: of the whole target, whatever
    /// its attributes and its quality.
    fn present(&mut self, entry: &Arc<TargetEntry>, rule: &Numbered, now: Timestamp) {
        let name = &entry.target.name;
        let Some(watched) = self.targets.get_mut(name) else {
            return;
        };
        let of = &rule.rule.rule().name;
        watched.is_there(of, now);
        let attributes = Attributes::default();
        if watched
            .records
            .contains_key(&(of.clone(), series(&attributes)))
        {
            let value = ReadingValue::Text("present".into());
            let heard = Heard::Value(subject(entry, &attributes), &value, Trend::NONE);
            self.step(name, rule, (&attributes, &"".into()), &heard, now);
        }
    }

    /// Notices that a target answers without a metric that it should have.
    pub(super) fn look_for_absence(
        &mut self,
        entry: &Arc<TargetEntry>,
        rule: &Numbered,
        now: Timestamp,
    ) {
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
        let of = &rule.rule.rule().name;
        let Some(since) = watched.was_there(of) else {
            // It is waited for from now on: after a start, or with a new rule.
            watched.is_there(of, now);
            return;
        };
        if age(now, since) > covers.allows() {
            self.silent(name, rule, now);
        }
    }

    pub(super) fn silent(&mut self, name: &TargetName, rule: &Numbered, now: Timestamp) {
        let Some(watched) = self.targets.get_mut(name) else {
            return;
        };
        if watched.is_meant(rule) {
            let attributes = Attributes::default();
            self.step(name, rule, (&attributes, &"".into()), &Heard::Silence, now);
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
        // What holds it already is no change, such as a lock that is read at the start.
        let changes = records.filter(|(_, record)| {
            let alarm = record.alarm.as_ref();
            alarm.is_some_and(|alarm| alarm.facts.held.lock != until)
        });
        let keys: Vec<Key> = changes.map(|(_, record)| record.key()).collect();
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
}
