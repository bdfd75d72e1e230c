//! Rules are checked before they are stored.

use utakata_alarm::{Compiled, shipped};
use utakata_model::AlarmRule;

pub fn rule(json: &str) -> AlarmRule {
    serde_json::from_str(json).unwrap()
}

fn mistakes(json: &str) -> Vec<String> {
    let wrong = Compiled::new(rule(json)).unwrap_err();
    wrong
        .iter()
        .map(|wrong| format!("{}: {}", wrong.field, wrong.message))
        .collect()
}

#[test]
fn every_shipped_rule_is_right() {
    for rule in shipped() {
        let name = rule.name.clone();
        if let Err(wrong) = Compiled::new(rule) {
            panic!("{name}: {wrong:?}");
        }
    }
}

#[test]
fn mistakes_of_a_rule_are_found_with_their_field_and_place() {
    for (json, expect) in [
        (
            r#"{"name":"x","on":{"metric":"hw.temperature"},"raise":"value > 'hot'"}"#,
            "raise: line 1, column 7: a number in Cel cannot be compared with a text",
        ),
        (
            r#"{"name":"x","on":{"metric":"hw.status"},"raise":"value > 3.0"}"#,
            "raise: line 1, column 7: a text cannot be compared with a number",
        ),
        (
            r#"{"name":"x","on":{"metric":"hw.temperature"},"raise":"value + slope('10m') > 3.0"}"#,
            "raise: line 1, column 7: a number in Cel cannot be added to a number in Cel/s",
        ),
        (
            r#"{"name":"x","on":{"metric":"hw.temprature"},"raise":"value > 3.0"}"#, // typos: on purpose
            "on.metric: there is no metric \"hw.temprature\": did you mean \"hw.temperature\"?", // typos: on purpose
        ),
        (
            r#"{"name":"x","on":{"metric":"hw.temperature"}}"#,
            "raise: the condition is missing: raise: value > 27.0",
        ),
        (
            r#"{"name":"x","on":{"silence":3},"raise":"value > 3.0"}"#,
            "raise: a rule on silence has no condition of its own",
        ),
        (
            r#"{"name":"x","on":{},"raise":"value > 3.0"}"#,
            "on: a rule is on one of metric, silence and absence: on: { metric: hw.temperature }",
        ),
        (
            r#"{"name":"x","on":{"metric":"hw.load"},"raise":"value > 0.9","text":"{phse}"}"#,
            "text: there is no {phse}: known are: target, kind, value, unit, rule, label.rack, attribute.outlet",
        ),
        (
            r#"{"name":"x","on":{"metric":"hw.load"},"raise":"value > 0.9","hold":"8d"}"#,
            "hold: it is longer than 7d",
        ),
    ] {
        assert_eq!(mistakes(json), [expect], "{json}");
    }
}
