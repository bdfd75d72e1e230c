//! Changes by time alone: silence, and the ends of holds.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use utakata_alarm::{Event, Heard, Watch};
use utakata_api::alarm::AlarmChangeKind;
use utakata_model::TargetName;

use super::Engine;
use crate::alarms::{record::Key, rules::Numbered};

/// The time after which a series is looked at again that nobody asked for.
const ASK_AGAIN: SignedDuration = SignedDuration::from_secs(1);

impl Engine {
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

    pub(super) fn due(&mut self, key: &Key, now: Timestamp) {
        let Some(rule) = self.rules.get(&key.rule).cloned() else {
            return;
        };
        let Some(record) = self.record(key) else {
            return;
        };
        let (attributes, unit) = (record.attributes.clone(), Arc::clone(&record.unit));
        let is_silent = self.silent_from(key).is_some_and(|from| from <= now);
        let is_asked = is_silent && self.is_asked_since_heard(key);
        let heard = match is_asked {
            true => Heard::Silence,
            false => Heard::Nothing,
        };
        self.step(&key.target, &rule, (&attributes, &unit), &heard, now);
        self.happen(key, Event::Nothing, AlarmChangeKind::Unshelved, now);
        if is_silent && !is_asked {
            self.put_off(key, now);
        }
    }

    /// Returns true if somebody asked the target of a series after its last value: what nobody asked
    /// for is not silent.
    fn is_asked_since_heard(&self, key: &Key) -> bool {
        let heard = self.record(key).and_then(|record| record.state.heard());
        let covers = self.site.coverage.of(&key.target);
        let watched = self.targets.get(&key.target);
        let (Some(heard), Some(covers), Some(watched)) = (heard, covers, watched) else {
            return true;
        };
        watched.is_asked_since(heard.max(self.began), covers)
    }

    /// Looks at a series again later, which nobody asked for.
    fn put_off(&mut self, key: &Key, now: Timestamp) {
        let Some(at) = self.deadline_of.get(key).copied().filter(|at| *at <= now) else {
            return;
        };
        let Ok(later) = now.checked_add(ASK_AGAIN) else {
            return;
        };
        self.deadlines.remove(&(at, key.clone()));
        self.deadlines.insert((later, key.clone()));
        self.deadline_of.insert(key.clone(), later);
    }

    /// Returns the time from which a series that is still waited for counts as silent.
    pub(super) fn silent_from(&self, key: &Key) -> Option<Timestamp> {
        let record = self.record(key)?;
        let rule = self.rules.get(&key.rule)?;
        let is_watched = rule.rule.metric().is_some() && !record.state.is_silent();
        let covers = self.site.coverage.of(&key.target).filter(|_| is_watched)?;
        let heard = record.state.heard()?.max(self.began);
        heard.checked_add(covers.allows()).ok()
    }

    pub(super) fn be_silent(&mut self, name: &TargetName, now: Timestamp) {
        if let Some(watched) = self.targets.get_mut(name) {
            watched.is_armed = false;
        }
        let rules = Arc::clone(&self.rules);
        for rule in rules.silence() {
            let is_due = self.silence_of(name, rule).is_some_and(|at| at <= now);
            // If nobody asked it meanwhile, the next attempt says whether it is silent.
            if is_due && self.is_asked_in_vain(name, now) {
                self.silent(name, rule, now);
            }
        }
        self.arm_after(name, now);
    }

    fn is_asked_in_vain(&self, name: &TargetName, now: Timestamp) -> bool {
        let covers = self.site.coverage.of(name);
        let watched = self.targets.get(name);
        covers
            .zip(watched)
            .is_some_and(|(covers, watched)| watched.is_asked_in_vain(covers, now))
    }

    /// Returns the time from which a rule takes a target for silent.
    pub(super) fn silence_of(&self, name: &TargetName, rule: &Numbered) -> Option<Timestamp> {
        let Watch::Silence { intervals } = rule.rule.watch() else {
            return None;
        };
        let covers = self.site.coverage.of(name)?;
        let watched = self.targets.get(name)?;
        let since = watched.in_vain.map(|tried| tried.since);
        let since = since.or(watched.answered).unwrap_or(self.began);
        let since = since.max(self.began);
        since.checked_add(covers.silence(*intervals)).ok()
    }

    pub(super) fn arm(&mut self, name: &TargetName) {
        self.arm_after(name, Timestamp::MIN);
    }

    pub(super) fn arm_after(&mut self, name: &TargetName, after: Timestamp) {
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
}
