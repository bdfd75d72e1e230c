//! One rule on one series, over any sequence of values, silences and restarts.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use utakata_alarm::{Change, Compiled, Heard, State, Subject, Trend, step};
use utakata_model::{ReadingValue, reading::Attributes};

use super::rules::rule;

fn compiled(json: &str) -> Compiled {
    Compiled::new(rule(json)).unwrap()
}

fn threshold() -> Compiled {
    compiled(
        r#"{"name":"x","on":{"metric":"hw.load"},"raise":"value > 0.9","clear":"value < 0.8",
            "hold":"30s","release":"1m","flap":"3 in 30m"}"#,
    )
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Input {
    Value(f64),
    Text,
    Silence,
    Nothing,
}

/// Runs a sequence of inputs, each so many seconds after the one before.
fn run(rule: &Compiled, inputs: &[(i64, Input)], restarts: bool) -> Vec<(i64, Change)> {
    let attributes = Attributes::default();
    let subject = Subject {
        target: None,
        attributes: &attributes,
    };
    let start = Timestamp::from_second(1_000_000).unwrap();
    let (mut state, mut second, mut changes) = (State::default(), 0, Vec::new());
    let mut trend = Trend::default();
    for (after, input) in inputs {
        second += after;
        let now = start + SignedDuration::from_secs(second);
        if restarts {
            let stored = serde_json::to_string(&state).unwrap();
            state = serde_json::from_str(&stored).unwrap();
        }
        let value = match input {
            Input::Value(value) => ReadingValue::Number(*value),
            _ => ReadingValue::Text("x".into()),
        };
        if let ReadingValue::Number(number) = value {
            trend.push(now, number, rule.window());
        }
        let heard = match input {
            Input::Value(_) | Input::Text => Heard::Value(subject, &value, &trend),
            Input::Silence => Heard::Silence,
            Input::Nothing => Heard::Nothing,
        };
        let (next, change) = step(rule, state, &heard, now);
        state = next;
        changes.extend(change.map(|change| (second, change)));
    }
    changes
}

#[test]
fn an_alarm_is_raised_after_its_hold_and_over_after_its_release() {
    use Change::{Over, Raised};
    use Input::{Nothing, Silence, Value};
    let rule = threshold();
    let over = |rest: &[(i64, Input)]| [&[(0, Value(0.95)), (30, Value(0.95))], rest].concat();
    for (inputs, expect) in [
        (vec![(0, Value(0.95)), (29, Value(0.95))], vec![]),
        (vec![(0, Value(0.95)), (30, Nothing)], vec![(30, Raised)]),
        (
            vec![(0, Value(0.95)), (10, Value(0.85)), (30, Value(0.95))],
            vec![],
        ),
        // Between the two conditions nothing changes.
        (
            over(&[(60, Value(0.85)), (600, Value(0.85))]),
            vec![(30, Raised)],
        ),
        (
            over(&[(10, Value(0.7)), (59, Value(0.7))]),
            vec![(30, Raised)],
        ),
        (
            over(&[(10, Value(0.7)), (60, Nothing)]),
            vec![(30, Raised), (100, Over)],
        ),
        (
            over(&[(10, Value(0.7)), (30, Value(0.9)), (40, Nothing)]),
            vec![(30, Raised)],
        ),
        // Silence neither raises nor clears, and what a clock shows earlier is not earlier.
        (vec![(0, Value(0.95)), (10, Silence), (60, Nothing)], vec![]),
        (
            over(&[(10, Value(0.7)), (10, Silence), (600, Nothing)]),
            vec![(30, Raised)],
        ),
        (
            over(&[(-20, Value(0.7)), (60, Nothing)]),
            vec![(30, Raised)],
        ),
        // What cannot be compared says nothing.
        (
            over(&[(10, Input::Text), (600, Input::Text)]),
            vec![(30, Raised)],
        ),
    ] {
        assert_eq!(run(&rule, &inputs, false), expect, "{inputs:?}");
    }
}

#[test]
fn an_alarm_that_comes_and_goes_is_one_until_it_is_calm() {
    use Change::{Over, Raised, Steady};
    use Input::{Nothing, Value};
    let cycle = [
        (10, Value(0.95)),
        (40, Value(0.95)),
        (10, Value(0.7)),
        (70, Value(0.7)),
    ];
    let flapping = [Raised, Over, Raised, Over, Raised];
    let changes = |rest: &[(i64, Input)]| -> Vec<Change> {
        let inputs = [&cycle.repeat(5), rest].concat();
        run(&threshold(), &inputs, false)
            .into_iter()
            .map(|one| one.1)
            .collect()
    };
    assert_eq!(changes(&[(1_700, Nothing)]), flapping);
    assert_eq!(
        changes(&[(1_900, Nothing)]),
        [&flapping[..], &[Over]].concat()
    );
    let stays = [(10, Value(0.95)), (40, Value(0.95)), (1_900, Value(0.95))];
    assert_eq!(changes(&stays), [&flapping[..], &[Steady]].concat());
    let ends = [&stays[..], &[(10, Value(0.7)), (70, Nothing)]].concat();
    assert_eq!(changes(&ends), [&flapping[..], &[Steady, Over]].concat());
}

#[test]
fn what_the_rule_says_of_silence_is_done() {
    use Input::{Nothing, Silence, Value};
    let with = |silent: &str| {
        compiled(&format!(
            r#"{{"name":"x","on":{{"metric":"hw.load"}},"raise":"value > 0.9","silent":"{silent}"}}"#
        ))
    };
    let raised = (0, Change::Raised);
    let inputs = [(0, Value(0.95)), (60, Silence), (60, Nothing)];
    assert_eq!(run(&with("keep"), &inputs, false), [raised]);
    assert_eq!(
        run(&with("clear"), &inputs, false),
        [raised, (60, Change::Over)]
    );
    let inputs = [(0, Value(0.5)), (60, Silence), (60, Value(0.5))];
    assert_eq!(
        run(&with("raise"), &inputs, false),
        [(60, Change::Raised), (120, Change::Over)]
    );
    let silent = compiled(r#"{"name":"x","on":{"silence":3},"hold":"30s"}"#);
    let inputs = [
        (0, Value(1.0)),
        (60, Silence),
        (30, Nothing),
        (60, Value(1.0)),
    ];
    assert_eq!(
        run(&silent, &inputs, false),
        [(90, Change::Raised), (150, Change::Over)]
    );
}

#[test]
fn a_trend_raises_before_the_limit_is_reached() {
    let rule = compiled(
        r#"{"name":"x","on":{"metric":"hw.temperature"},
            "raise":"slope('10m') > 0.0 && value + slope('10m') * 900.0 > 32.0"}"#,
    );
    #[allow(clippy::cast_precision_loss, reason = "small")]
    let rising = |step: f64| -> Vec<(i64, Input)> {
        (0..20)
            .map(|n| (60, Input::Value(24.0 + f64::from(n) * step)))
            .collect()
    };
    assert!(run(&rule, &rising(0.01), false).is_empty());
    let found = run(&rule, &rising(0.5), false);
    assert_eq!(found.first().map(|one| one.1), Some(Change::Raised));
    assert!(found[0].0 < 600, "{found:?}");
}

fn inputs() -> impl Strategy<Value = Vec<(i64, Input)>> {
    let value = prop_oneof![Just(0.7), Just(0.85), Just(0.95), any::<f64>()];
    let input = prop_oneof![
        6 => value.prop_map(Input::Value),
        1 => Just(Input::Silence),
        1 => Just(Input::Text),
        2 => Just(Input::Nothing),
    ];
    prop::collection::vec((-5_i64..90, input), 1..80)
}

proptest! {
    #[test]
    fn restarts_between_any_two_steps_change_nothing(inputs in inputs()) {
        let rules = [
            threshold(),
            compiled(r#"{"name":"x","on":{"metric":"hw.load"},"raise":"slope('2m') > 0.001","silent":"raise"}"#),
            compiled(r#"{"name":"x","on":{"silence":2},"hold":"10s","release":"10s"}"#),
        ];
        for rule in &rules {
            prop_assert_eq!(run(rule, &inputs, false), run(rule, &inputs, true));
        }
    }

    #[test]
    fn an_alarm_is_raised_and_over_in_turn(inputs in inputs()) {
        let mut is_active = false;
        for (_, change) in run(&threshold(), &inputs, false) {
            match change {
                Change::Raised => prop_assert!(!std::mem::replace(&mut is_active, true)),
                Change::Over => prop_assert!(std::mem::replace(&mut is_active, false)),
                Change::Flapping | Change::Steady => prop_assert!(is_active),
            }
        }
    }

    #[test]
    fn hysteresis_changes_once_as_long_as_the_band_is_not_left(
        values in prop::collection::vec(0.8_f64..=0.9, 1..60),
        first in prop_oneof![Just(0.7), Just(0.95)],
    ) {
        let rule = compiled(
            r#"{"name":"x","on":{"metric":"hw.load"},"raise":"value > 0.9","clear":"value < 0.8"}"#,
        );
        let mut inputs = vec![(0, Input::Value(first))];
        inputs.extend(values.into_iter().map(|value| (60, Input::Value(value))));
        prop_assert!(run(&rule, &inputs, false).len() <= 1);
    }
}
