//! Alarms as people see them.

use std::sync::Arc;

use jiff::Timestamp;
use utakata_alarm::{Compiled, Facts, Hold, IsaState, Seen, Subject, isa};
use utakata_api::{
    alarm::{AlarmHold, AlarmState, AlarmView},
    ledger::Attribution,
};
use utakata_model::{
    AlarmId, ReadingValue, Selector, Severity, Target,
    reading::{self, Attributes},
};

use super::{record::Record, rules::Rules};
use crate::{
    inventory::TargetEntry,
    observed::{LastSeen, Observed},
};

/// A filter for alarms; an absent field matches any.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Those in this state; absent means all that are active.
    pub state: Option<AlarmState>,
    /// Those that are over, too.
    pub all: bool,
    pub severity: Option<Severity>,
    pub selector: Selector,
    /// Those that this one explains.
    pub cause: Option<AlarmId>,
    /// Those that nothing explains.
    pub causes: bool,
}

impl Filter {
    pub fn matches(&self, view: &AlarmView, target: Option<&Target>) -> bool {
        let is_state = match self.state {
            Some(state) => view.state == state,
            None => self.all || view.active,
        };
        let is_selected = self.selector.is_everything()
            || target.is_some_and(|target| self.selector.matches(target));
        let cause = cause(view);
        is_state
            && is_selected
            && self
                .severity
                .is_none_or(|severity| view.severity == severity)
            && self.cause.is_none_or(|wanted| cause == Some(wanted))
            && !(self.causes && is_explained(view))
    }
}

/// Returns the alarm that explains another.
pub fn cause(view: &AlarmView) -> Option<AlarmId> {
    match view.held {
        Some(AlarmHold::Cause { cause }) => Some(cause),
        _ => None,
    }
}

/// Returns true if another alarm explains this one, or may turn out to.
pub fn is_explained(view: &AlarmView) -> bool {
    matches!(
        view.held,
        Some(AlarmHold::Cause { .. } | AlarmHold::Suspicion { .. })
    )
}

/// Returns the alarm of a record as people see it.
pub fn view(record: &Record, now: Timestamp) -> Option<AlarmView> {
    let alarm = record.alarm.as_ref()?;
    let facts = &alarm.facts;
    let attributes = record.attributes.iter();
    Some(AlarmView {
        id: alarm.id,
        number: alarm.number,
        rule: record.rule.clone(),
        target: record.target.clone(),
        attributes: attributes
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect(),
        severity: alarm.severity,
        state: state(facts, now),
        active: facts.active,
        seen: facts.seen.as_ref().map(attribution),
        held: held(facts, now),
        heard: record.state.heard(),
        raised: alarm.raised,
        over: alarm.over,
        value: record.state.value().cloned(),
        unit: record.unit.to_string(),
        flapping: record.state.is_flapping(),
        times: record.state.times().max(1),
        text: alarm.text.clone(),
        what_to_do: alarm.what_to_do.clone(),
        explains: 0,
    })
}

fn state(facts: &Facts, now: Timestamp) -> AlarmState {
    match isa(facts.active, facts.seen.is_some(), facts.held.by(now)) {
        IsaState::Normal | IsaState::OutOfService => AlarmState::Normal,
        IsaState::Unacknowledged => AlarmState::Unacknowledged,
        IsaState::Acknowledged => AlarmState::Acknowledged,
        IsaState::Returned => AlarmState::Returned,
        IsaState::Shelved => AlarmState::Shelved,
        IsaState::Suppressed => AlarmState::Suppressed,
    }
}

fn held(facts: &Facts, now: Timestamp) -> Option<AlarmHold> {
    let held = &facts.held;
    match held.by(now) {
        Hold::Person => held.shelved.as_ref().map(|(by, until)| AlarmHold::Person {
            shelved: attribution(by),
            until: *until,
        }),
        Hold::Lock => held.lock.map(|until| AlarmHold::Lock { until }),
        Hold::Cause => match held.cause {
            Some(cause) => Some(AlarmHold::Cause { cause }),
            None => held.suspected.map(|until| AlarmHold::Suspicion { until }),
        },
        Hold::None | Hold::OutOfService => None,
    }
}

fn attribution(seen: &Seen) -> Attribution {
    Attribution {
        by: seen.by.clone(),
        at: seen.at,
        why: seen.why.clone(),
    }
}

/// Returns the sentence about the alarm of a record.
pub fn sentence(record: &Record, rule: &Compiled, entry: Option<&Arc<TargetEntry>>) -> String {
    let subject = Subject {
        target: entry.map(|entry| &*entry.target),
        attributes: &record.attributes,
    };
    let value = record.state.value();
    let text = rule.sentence(record.target.as_str(), subject, value, &record.unit);
    match text.is_empty() {
        true => format!("{}: {}", record.rule, record.target),
        false => text,
    }
}

/// Returns an alarm with the last value of its series, so that the two never contradict each other.
pub fn freshened(
    mut view: AlarmView,
    rules: &Rules,
    observed: &Observed,
    entry: Option<&TargetEntry>,
) -> AlarmView {
    let Some(rule) = rules.get(&view.rule) else {
        return view;
    };
    let Some(entry) = entry else { return view };
    let attributes: Attributes = view
        .attributes
        .iter()
        .map(|(key, value)| (key.as_str().into(), value.as_str().into()))
        .collect();
    let seen = observed.look(entry.device, |seen| match rule.rule.metric() {
        Some(metric) => last(seen, metric, &attributes),
        None => seen.answered.map(|answered| (None, answered)),
    });
    if let Some((value, heard)) = seen {
        view.heard = Some(heard);
        view.value = value.or(view.value);
    }
    let subject = Subject {
        target: Some(&entry.target),
        attributes: &attributes,
    };
    let name = view.target.as_str();
    let text = rule
        .rule
        .sentence(name, subject, view.value.as_ref(), &view.unit);
    if view.active && !text.is_empty() {
        view.text = text;
    }
    view
}

/// Returns the last value of a series, and its time.
fn last(
    seen: &LastSeen,
    metric: &utakata_model::MetricName,
    attributes: &Attributes,
) -> Option<(Option<ReadingValue>, Timestamp)> {
    let is_same = |of: &Attributes| reading::identity(of).eq(reading::identity(attributes));
    seen.actions.iter().find_map(|action| {
        let found = action.last.readings.iter();
        let mut found = found.filter(|one| one.metric == *metric && is_same(&one.attributes));
        found
            .next()
            .map(|one| (Some(one.value.clone()), action.last.time))
    })
}
