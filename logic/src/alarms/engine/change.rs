//! Changes of conditions, and of the alarms that follow from them.

use std::{mem, sync::Arc};

use jiff::Timestamp;
use utakata_alarm::{Change, Event, Heard, Notice, State, step};
use utakata_api::alarm::{AlarmChange, AlarmChangeKind, AlarmNotice, AlarmView};
use utakata_model::{AlarmId, Severity, TargetName, alarm::WhenSilent, reading::Attributes};

use super::Engine;
use crate::alarms::{
    record::{Alarm, Key, Record, series},
    rules::Numbered,
    view,
};

impl Engine {
    pub(super) fn step(
        &mut self,
        name: &TargetName,
        rule: &Numbered,
        (attributes, unit): (&Attributes, &Arc<str>),
        heard: &Heard<'_>,
        now: Timestamp,
    ) {
        let key = Key {
            target: name.clone(),
            rule: rule.rule.rule().name.clone(),
            series: series(attributes),
        };
        let mut known = self.take(&key);
        let is_new = known.is_none();
        let state = known.as_mut().map(|record| mem::take(&mut record.state));
        let before = state.as_ref().map(State::lasting);
        let (state, change) = step(&rule.rule, state.unwrap_or_default(), heard, now);
        let keeps = rule.rule.rule().silent == WhenSilent::Raise;
        if is_new && change.is_none() && state.is_idle() && !keeps {
            return;
        }
        let is_changed = before != Some(state.lasting());
        let mut record = known.unwrap_or_else(|| {
            Box::new(Record {
                rule: key.rule.clone(),
                target: key.target.clone(),
                attributes: attributes.clone(),
                unit: Arc::clone(unit),
                state: State::default(),
                alarm: None,
            })
        });
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
    pub(super) fn changed(
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
    pub(super) fn raise(&mut self, record: &mut Record, rule: &Numbered, now: Timestamp) {
        let of = rule.rule.rule();
        let text = view::sentence(record, &rule.rule, self.entry_of(&record.target));
        let alarm = record.alarm.get_or_insert_with(|| {
            Box::new(Alarm {
                id: AlarmId::generate(),
                number: 0,
                raised: now,
                over: None,
                severity: of.severity,
                text: String::new(),
                what_to_do: String::new(),
                facts: Default::default(),
                asked: false,
                was_explained: false,
            })
        });
        if alarm.over.take().is_some() {
            alarm.raised = now;
        }
        alarm.severity = of.severity;
        alarm.text = text;
        alarm.what_to_do = of.what_to_do.replace("{target}", record.target.as_str());
        alarm.asked = false;
        alarm.was_explained = false;
        if let Some(until) = self.site.locks.get(&record.target) {
            alarm.facts.on(Event::Lock(Some(*until)), now);
        }
        if !of.because.is_empty() {
            self.suspect(record, rule, now);
        }
    }

    /// Applies an event to an alarm, and records the change.
    pub(in crate::alarms) fn happen(
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
    pub(super) fn expire(&mut self, record: &mut Record, now: Timestamp) -> Option<AlarmView> {
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
}
