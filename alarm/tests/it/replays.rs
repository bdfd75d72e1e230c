//! A rule over the past: the same decisions as when it happened.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use utakata_alarm::{Change, Compiled, Heard, Replay, Spell, State, Subject, Trend, step};
use utakata_model::{ReadingValue, reading::Attributes};

use super::rules::rule;

const PATIENCE: u64 = 25;

fn compiled(json: &str) -> Compiled {
    Compiled::new(rule(json)).unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_000_000).unwrap() + SignedDuration::from_secs(second)
}

fn second(time: Timestamp) -> i64 {
    time.as_second() - 1_000_000
}

/// Something of the past, at a second.
#[derive(Debug, Clone, Copy)]
enum Past {
    Value(f64),
    Answer,
    /// Nobody was there, until a second.
    Away(i64),
}

fn replay(rule: &Compiled, past: &[(i64, Past)], end: i64) -> Vec<(i64, Option<i64>)> {
    let attributes = Attributes::default();
    let subject = Subject {
        target: None,
        attributes: &attributes,
    };
    let patience = Some(Duration::from_secs(PATIENCE));
    let mut replay = Replay::new(rule, subject, patience, at(0));
    for (second, past) in past {
        match past {
            Past::Value(value) => replay.value(&ReadingValue::Number(*value), at(*second)),
            Past::Answer => replay.answer(at(*second)),
            Past::Away(until) => replay.away(at(*second), at(*until)),
        }
    }
    let spells = replay.end(at(end)).into_iter();
    let seconds = |spell: Spell| (second(spell.raised), spell.over.map(second));
    spells.map(seconds).collect()
}

#[test]
fn a_rule_over_the_past_says_when_it_would_have_been_raised_and_for_how_long() {
    use Past::{Answer, Away, Value};
    let load = compiled(
        r#"{"name":"x","on":{"metric":"hw.load"},"raise":"value > 0.9","clear":"value < 0.8",
            "hold":"30s","release":"1m"}"#,
    );
    let raises = compiled(
        r#"{"name":"x","on":{"metric":"hw.load"},"raise":"value > 0.9","silent":"raise"}"#,
    );
    let silent = compiled(r#"{"name":"x","on":{"silence":3}}"#);
    let absent = compiled(r#"{"name":"x","on":{"absence":"hw.power"}}"#);
    let over = [
        (0, Value(0.95)),
        (20, Value(0.95)),
        (40, Value(0.95)),
        (60, Value(0.7)),
        (80, Value(0.7)),
        (100, Value(0.7)),
        (120, Value(0.7)),
    ];
    for (rule, past, end, expect) in [
        // Between two values time alone raises it, and ends it.
        (&load, &over[..], 200, vec![(30, Some(120))]),
        (&load, &over[..4], 70, vec![(30, None)]),
        // What is not heard neither raises nor clears.
        (&load, &[(0, Value(0.95))], 500, vec![]),
        (&load, &over[..4], 5_000, vec![(30, None)]),
        // A hold goes on over a restart, and is decided after it.
        (
            &load,
            &[(0, Value(0.95)), (10, Away(90)), (95, Value(0.95))],
            99,
            vec![(90, None)],
        ),
        (
            &raises,
            &[(0, Value(0.1)), (60, Value(0.1))],
            70,
            vec![(25, Some(60))],
        ),
        (
            &silent,
            &[(5, Value(0.0)), (20, Value(0.0)), (90, Value(0.0))],
            99,
            vec![(45, Some(90))],
        ),
        (&silent, &[], 99, vec![(25, None)]),
        // Nobody was there: nothing was silent.
        (
            &silent,
            &[(5, Value(0.0)), (20, Away(500)), (510, Value(0.0))],
            520,
            vec![],
        ),
        (
            &absent,
            &[
                (0, Value(1.0)),
                (10, Answer),
                (20, Answer),
                (30, Answer),
                (40, Value(1.0)),
            ],
            50,
            vec![(30, Some(40))],
        ),
        // A target that does not answer at all is silent: nothing is absent.
        (&absent, &[(0, Value(1.0))], 900, vec![]),
    ] {
        assert_eq!(replay(rule, past, end), expect, "{past:?}");
    }
}

/// Steps each second, as a clock does.
fn ticked(rule: &Compiled, values: &[(i64, f64)], end: i64) -> Vec<(i64, Option<i64>)> {
    let attributes = Attributes::default();
    let subject = Subject {
        target: None,
        attributes: &attributes,
    };
    let mut state = State::default();
    let mut spells: Vec<(i64, Option<i64>)> = Vec::new();
    for now in 0..end {
        let number = values.iter().find(|(at, _)| *at == now);
        let number = number.map(|(_, number)| ReadingValue::Number(*number));
        let patience = SignedDuration::from_secs(PATIENCE as i64);
        let is_silent = state
            .heard()
            .is_some_and(|heard| heard + patience <= at(now));
        let heard = match &number {
            Some(value) => Heard::Value(subject, value, Trend::NONE),
            None if is_silent && !state.is_silent() => Heard::Silence,
            None => Heard::Nothing,
        };
        let (next, change) = step(rule, state, &heard, at(now));
        state = next;
        match change {
            Some(Change::Raised) => spells.push((now, None)),
            Some(Change::Over) => {
                if let Some(spell) = spells.last_mut() {
                    spell.1 = Some(now);
                }
            }
            _ => {}
        }
    }
    spells
}

proptest! {
    #[test]
    fn a_replay_decides_as_a_clock_that_ticks_each_second(
        steps in proptest::collection::vec((1_i64..70, 0.6_f64..1.2), 1..60),
        silent in proptest::sample::select(vec!["keep", "raise", "clear"]),
        hold in 0_i64..40,
        release in 0_i64..40,
    ) {
        let rule = compiled(&format!(
            r#"{{"name":"x","on":{{"metric":"hw.load"}},"raise":"value > 0.9","clear":"value < 0.8",
                "hold":"{hold}s","release":"{release}s","flap":"3 in 5m","silent":"{silent}"}}"#,
        ));
        let mut now = 0;
        let mut values = Vec::new();
        for (after, value) in steps {
            now += after;
            values.push((now, value));
        }
        let end = now + 400;
        let past: Vec<_> = values.iter().map(|(at, value)| (*at, Past::Value(*value))).collect();
        prop_assert_eq!(replay(&rule, &past, end), ticked(&rule, &values, end));
    }
}
