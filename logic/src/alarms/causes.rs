//! The causes of alarms: found when they are raised, and again whenever a possible cause changes.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use utakata_alarm::{Event, Explanation, Parent, Standing, explain};
use utakata_api::alarm::AlarmChangeKind;
use utakata_model::{AlarmId, RelationKind, TargetName};

use super::{
    engine::Engine,
    record::{Key, Record},
    rules::Numbered,
};

/// The time for which a cause is looked for before people are told without one.
const SEARCH: Duration = Duration::from_secs(20);
/// The largest number of alarms, each because of the next, that are followed. There are no more levels
/// in a room.
const LONGEST_CHAIN: usize = 64;

impl Engine {
    /// Looks for the cause of an alarm that is about to be raised: people are told of the cause, or
    /// once nothing turned out to be one.
    pub(super) fn suspect(&mut self, record: &mut Record, rule: &Numbered, now: Timestamp) {
        let Some(alarm) = &mut record.alarm else {
            return;
        };
        match self.explanation(alarm.id, &record.target, rule, now) {
            Explanation::Cause(cause) => {
                alarm.facts.on(Event::Cause(Some(cause)), now);
            }
            Explanation::Ask(targets) => {
                if let Ok(until) = now.checked_add(SEARCH) {
                    alarm.facts.on(Event::Suspect(until), now);
                }
                alarm.asked = true;
                self.ask(targets, now);
            }
            Explanation::None => {
                alarm.facts.on(Event::Cause(None), now);
            }
        }
    }

    fn ask(&mut self, targets: BTreeSet<TargetName>, now: Timestamp) {
        for target in targets {
            if !self.asked.contains_key(&target) {
                self.asked.insert(target.clone(), now);
                self.output.ask.insert(target);
            }
        }
    }

    fn explanation(
        &self,
        of: AlarmId,
        target: &TargetName,
        rule: &Numbered,
        since: Timestamp,
    ) -> Explanation {
        let because = &rule.rule.rule().because;
        explain(because, &*self.site.graph, target, |parent, relation| {
            self.standing(of, parent, relation, since)
        })
    }

    /// Returns true if an alarm is explained by another, directly or over further ones.
    fn is_because_of(&self, alarm: AlarmId, other: AlarmId) -> bool {
        let cause = |alarm: &AlarmId| {
            let record = self.record(self.by_id.get(alarm)?)?;
            record.alarm.as_ref()?.facts.held.cause
        };
        std::iter::successors(Some(alarm), cause)
            .take(LONGEST_CHAIN)
            .any(|one| one == other)
    }

    /// Returns the standing of what an alarm's target depends on. What is down because of that alarm
    /// does not explain it: a switch and the PDU that feeds it reach and feed each other, and whichever
    /// is told, one of them is.
    fn standing(
        &self,
        of: AlarmId,
        parent: Parent<'_>,
        relation: RelationKind,
        since: Timestamp,
    ) -> Standing {
        let Some(watched) = self.targets.get(parent.target) else {
            return Standing::Unwatched;
        };
        let explains = |record: &&Record| {
            let rule = self.rules.get(&record.rule);
            let explains = rule.is_some_and(|rule| rule.rule.rule().explains.contains(&relation));
            let outlet = record.attributes.get("outlet");
            let is_outlet =
                outlet.is_none_or(|outlet| parent.outlet.is_none_or(|wanted| wanted == &**outlet));
            explains && is_outlet && record.is_active()
        };
        let down = watched.records.values().map(Box::as_ref).filter(explains);
        let (because_of_it, down): (Vec<_>, Vec<_>) = down
            .filter_map(|record| Some(record.alarm.as_ref()?.id))
            .partition(|alarm| self.is_because_of(*alarm, of));
        match (down.into_iter().min(), because_of_it.is_empty()) {
            (Some(alarm), _) => return Standing::Down(alarm),
            (None, false) => return Standing::Up,
            (None, true) => {}
        }
        if self.site.coverage.of(parent.target).is_none() {
            return Standing::Unwatched;
        }
        match watched.answered.is_some_and(|answered| answered > since) {
            true => Standing::Up,
            false => Standing::Unsure,
        }
    }

    /// Explains all active alarms anew, if a possible cause has changed.
    pub fn explain(&mut self, now: Timestamp) {
        if !std::mem::take(&mut self.explain_due) {
            return;
        }
        let keys: Vec<Key> = self.explainable.iter().cloned().collect();
        for key in keys {
            self.explain_one(&key, now);
        }
        self.asked
            .retain(|_, since| since.checked_add(SEARCH).is_ok_and(|end| end > now));
    }

    fn explain_one(&mut self, key: &Key, now: Timestamp) {
        let Some(rule) = self.rules.get(&key.rule).cloned() else {
            return;
        };
        let Some(record) = self.record(key) else {
            return;
        };
        let Some(alarm) = &record.alarm else { return };
        let (id, raised, asked) = (alarm.id, alarm.raised, alarm.asked);
        let (cause, suspected) = (alarm.facts.held.cause, alarm.facts.held.suspected);
        let was_explained = alarm.was_explained;
        match self.explanation(id, &key.target, &rule, raised) {
            Explanation::Cause(found) if cause == Some(found) => {}
            Explanation::Cause(found) => {
                let event = Event::Cause(Some(found));
                self.happen(key, event, AlarmChangeKind::Explained, now);
            }
            // Its cause is over, and it is still so: whatever may explain it is asked once more.
            Explanation::Ask(targets) if cause.is_some() || !asked => {
                self.ask(targets, now);
                self.search_again(key, now);
            }
            Explanation::Ask(_) => {}
            // What has been explained may be well, too, as soon as it is read.
            Explanation::None if cause.is_some() => {
                self.output.ask.insert(key.target.clone());
                self.search_again(key, now);
            }
            Explanation::None if suspected.is_some() && !was_explained => {
                self.happen(key, Event::Unsuspect, AlarmChangeKind::Unexplained, now);
            }
            Explanation::None => {}
        }
    }

    fn search_again(&mut self, key: &Key, now: Timestamp) {
        let Some(mut record) = self.take(key) else {
            return;
        };
        if let Some(alarm) = &mut record.alarm {
            alarm.asked = true;
            alarm.was_explained = true;
        }
        self.keep(record);
        if let Ok(until) = now.checked_add(SEARCH) {
            self.happen(
                key,
                Event::Suspect(until),
                AlarmChangeKind::Unexplained,
                now,
            );
        }
    }
}
