//! Alarm rules, and the expressions in them.

use jiff::{SignedDuration, Timestamp};
use utakata_alarm::{Compiled, Heard, Replay, State, Subject, Trend, step};
use utakata_model::{AlarmRule, ReadingValue, Target, alarm::Watched, reading::Attributes};

/// The values that are watched: temperatures, states, and something that nobody knows.
const METRICS: [(&str, Option<&str>); 4] = [
    ("hw.temperature", None),
    ("hw.status", None),
    ("acme.flow", Some("l/min")),
    ("acme.word", None),
];

/// Compiles a text as a rule in JSON, and as each expression and sentence of a rule; whatever is a
/// rule decides about any value.
pub fn rules(data: &[u8]) {
    let Some(text) = super::text(data) else {
        return;
    };
    if let Ok(rule) = serde_json::from_str::<AlarmRule>(text) {
        let written = serde_json::to_string(&rule).expect("a rule is written");
        let again = serde_json::from_str::<AlarmRule>(&written);
        assert_eq!(again.ok().as_ref(), Some(&rule), "{written}");
        decide(rule);
    }
    for (metric, unit) in METRICS {
        let mut rule = rule(metric, unit, text);
        decide(rule.clone());
        rule.clear = Some(text.to_owned());
        rule.text = text.to_owned();
        decide(rule);
    }
}

fn rule(metric: &str, unit: Option<&str>, raise: &str) -> AlarmRule {
    let rule = r#"{ "name": "x", "on": { "metric": "x" }, "hold": "30s", "release": "1m" }"#;
    let rule: AlarmRule = serde_json::from_str(rule).expect("a rule");
    AlarmRule {
        on: Watched {
            metric: Some(metric.parse().expect("a metric")),
            unit: unit.map(Into::into),
            ..Watched::default()
        },
        raise: Some(raise.to_owned()),
        ..rule
    }
}

/// Steps a rule through values of every sort: with restarts it decides the same, and over the past
/// as well.
fn decide(rule: AlarmRule) {
    let Ok(rule) = Compiled::new(rule) else {
        return;
    };
    let target = target();
    let attributes: Attributes = [("hw.id".into(), "inlet".into())].into();
    let subject = Subject {
        target: Some(&target),
        attributes: &attributes,
    };
    let start = Timestamp::from_second(1_000_000).expect("a time");
    let (mut state, mut stored, mut changes) = (State::default(), State::default(), 0);
    let mut trend = Trend::default();
    let mut replay = Replay::new(&rule, subject, None, start);
    for (second, value) in values().iter().enumerate() {
        let now = start + SignedDuration::from_secs(20 * second as i64);
        if let ReadingValue::Number(number) = value {
            trend.push(now, *number, rule.window());
        }
        let heard = Heard::Value(subject, value, &trend);
        let (next, change) = step(&rule, state, &heard, now);
        let written = serde_json::to_string(&stored).expect("a state is written");
        let read = serde_json::from_str(&written).expect("a state is read");
        let (again, same) = step(&rule, read, &heard, now);
        assert_eq!(change, same, "a restart changes nothing");
        changes += usize::from(change == Some(utakata_alarm::Change::Raised));
        (state, stored) = (next, again);
        replay.value(value, now);
        let _ = rule.sentence("pdu-a1", subject, Some(value), "Cel");
    }
    let end = start + SignedDuration::from_secs(100_000);
    assert!(replay.end(end).len() >= changes.min(1));
}

fn values() -> Vec<ReadingValue> {
    let numbers = [0.0, -0.0, 1.0, 27.5, 40.0, -1e300, 1e300, f64::MAX, 5e-324];
    let numbers = numbers.map(ReadingValue::Number);
    let texts = ["", "ok", "failed", "\u{fc}"].map(|text| ReadingValue::Text(text.into()));
    numbers.into_iter().chain(texts).collect()
}

fn target() -> Target {
    let mut target = Target::new(
        "pdu-a1".parse().expect("a name"),
        "apc-pdu".parse().expect("a kind"),
        "10.0.0.1".to_owned(),
    );
    target.labels.insert("rack".to_owned(), "A1".to_owned());
    target
}
