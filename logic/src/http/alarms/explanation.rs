//! The explanation of an alarm, in sentences.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use utakata_alarm::Watch;
use utakata_api::alarm::{AlarmExplanation, AlarmHold, AlarmView};
use utakata_model::{AlarmRule, duration};

use super::fresh;
use crate::{alarms::Filter, http::Api};

/// The number of explained alarms that are listed.
const LISTED: usize = 20;

pub(super) fn of(api: &Api, alarm: AlarmView) -> AlarmExplanation {
    let alarms = api.handle.alarms();
    let filter = Filter {
        cause: Some(alarm.id),
        ..Filter::default()
    };
    let inventory = api.handle.inventory();
    let (causes, explained, rule) = alarms.look(|shown| {
        let rule = shown.rules.get(&alarm.rule).map(|rule| rule.rule.clone());
        (shown.causes(alarm.id), shown.list(&filter, inventory), rule)
    });
    let none = HashMap::new();
    let view = |one: &std::sync::Arc<AlarmView>| fresh(api, AlarmView::clone(one), &none);
    let causes: Vec<AlarmView> = causes.iter().map(view).collect();
    let now = crate::clock::now();
    let mut lines = vec![raised(&alarm)];
    if let Some(rule) = &rule {
        lines.extend(self::rule(rule.rule(), rule.watch()));
    }
    lines.extend(heard(api, &alarm, now));
    lines.extend(held(&alarm, &causes));
    if alarm.explains > 0 {
        lines.push(format!("it explains {} others", alarm.explains));
    }
    AlarmExplanation {
        rule: rule.map(|rule| AlarmRule::clone(rule.rule())),
        causes,
        explained: explained.iter().take(LISTED).map(view).collect(),
        lines,
        alarm,
    }
}

fn raised(alarm: &AlarmView) -> String {
    let times = match (alarm.flapping, alarm.times) {
        (true, times) => format!(", and comes and goes: {times} times lately"),
        (false, _) => String::new(),
    };
    match alarm.over {
        Some(over) => format!("it was raised at {} and over at {over}", alarm.raised),
        None => format!("it is so since {}{times}", alarm.raised),
    }
}

fn rule(rule: &AlarmRule, watch: &Watch) -> Vec<String> {
    let name = &rule.name;
    let mut lines = Vec::new();
    match watch {
        Watch::Metric {
            metric,
            raise,
            clear,
            ..
        } => {
            lines.push(format!(
                "the rule {name} raises it on {metric} if {}",
                raise.text()
            ));
            if let Some(clear) = clear {
                lines.push(format!("and clears it if {}", clear.text()));
            }
        }
        Watch::Silence { intervals } => lines.push(format!(
            "the rule {name} raises it after {intervals} intervals without an answer"
        )),
        Watch::Absence { metric } => lines.push(format!(
            "the rule {name} raises it if the target answers without {metric}"
        )),
    }
    let delay = |delay: Duration| (!delay.is_zero()).then(|| duration::format(delay));
    if let Some(hold) = delay(rule.hold) {
        lines.push(format!("it has to be so for {hold} first"));
    }
    if let Some(release) = delay(rule.release) {
        lines.push(format!("it is over once it was right for {release}"));
    }
    lines
}

/// Returns the sentence about the time since which nothing was heard.
fn heard(api: &Api, alarm: &AlarmView, now: Timestamp) -> Option<String> {
    let heard = alarm.heard?;
    let covers = api.handle.observe().coverage().of(&alarm.target)?;
    let age = Duration::try_from(now.duration_since(heard)).unwrap_or_default();
    let silent = match alarm.active {
        true => "it stays as it is: silence clears nothing",
        false => "nobody knows how it is now",
    };
    (age > covers.allows()).then(|| format!("its series was last heard at {heard}: {silent}"))
}

fn held(alarm: &AlarmView, causes: &[AlarmView]) -> Vec<String> {
    match &alarm.held {
        None => Vec::new(),
        Some(AlarmHold::Person { shelved, until }) => {
            let why = shelved.why.as_deref().unwrap_or("no reason given");
            vec![format!(
                "{} has shelved it until {until}: {why}",
                shelved.by
            )]
        }
        Some(AlarmHold::Lock { until }) => {
            vec![format!(
                "its target is locked until {until}: it is told anew then, if it is still so"
            )]
        }
        Some(AlarmHold::Suspicion { until }) => {
            vec![format!(
                "what it hangs on is being read, until {until} at the latest"
            )]
        }
        Some(AlarmHold::Cause { .. }) => {
            let because = |cause: &AlarmView| format!("because {}", cause.text);
            causes.iter().map(because).collect()
        }
    }
}
