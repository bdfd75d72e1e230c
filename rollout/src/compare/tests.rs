use proptest::prelude::*;
use utakata_model::{Measurand, Quality};

use super::*;

fn reading(metric: &str, value: ReadingValue, unit: &str) -> Reading {
    Reading {
        of: Measurand {
            metric: MetricName::new(metric).unwrap(),
            attributes: Attributes::from([("hw.id".into(), "1".into())]),
            unit: unit.into(),
        }
        .into(),
        value,
        quality: Quality::Good,
    }
}

fn power(watt: f64) -> Reading {
    reading("hw.power", ReadingValue::Number(watt), "W")
}

fn state(text: &str) -> Reading {
    reading("hw.status", ReadingValue::Text(text.into()), "")
}

fn seen(readings: Vec<Reading>) -> ReadAnswer {
    ReadAnswer {
        status: OutcomeStatus::Succeeded,
        code: None,
        readings,
    }
}

#[track_caller]
#[allow(
    clippy::needless_pass_by_value,
    reason = "tables are easier to read so"
)]
fn check(
    before: ReadAnswer,
    candidate: ReadAnswer,
    after: Option<ReadAnswer>,
    expect: &[(&str, &str, &str)],
) {
    let found = compare(&before, &candidate, after.as_ref(), 0.05);
    let found: Vec<_> = found
        .iter()
        .map(|d| (&*d.what, &*d.stable, &*d.candidate))
        .collect();
    assert_eq!(found, expect, "{before:?} {candidate:?} {after:?}");
}

#[test]
fn a_number_is_alike_between_before_and_after_and_near_either() {
    let mismatches = ("hw.power{hw.id=1}", "100 W", "150 W");
    check(
        seen(vec![power(100.0)]),
        seen(vec![power(104.9)]),
        None,
        &[],
    );
    check(
        seen(vec![power(100.0)]),
        seen(vec![power(150.0)]),
        None,
        &[mismatches],
    );
    // It has moved meanwhile: up, down, and not as far.
    for (after, expect) in [
        (200.0, &[][..]),
        (143.0, &[]),
        (142.0, &[mismatches]),
        (20.0, &[mismatches]),
    ] {
        let after = Some(seen(vec![power(after)]));
        check(
            seen(vec![power(100.0)]),
            seen(vec![power(150.0)]),
            after,
            expect,
        );
    }
    check(
        seen(vec![power(-10.0)]),
        seen(vec![power(-10.4)]),
        None,
        &[],
    );
    check(seen(vec![power(0.0)]), seen(vec![power(0.0)]), None, &[]);
    check(
        seen(vec![power(0.0)]),
        seen(vec![power(0.1)]),
        None,
        &[("hw.power{hw.id=1}", "0 W", "0.1 W")],
    );
}

#[test]
fn units_texts_and_what_is_missing_make_a_difference_and_what_is_new_does_not() {
    let kilo = reading("hw.power", ReadingValue::Number(100.0), "kW");
    check(
        seen(vec![power(100.0)]),
        seen(vec![kilo]),
        Some(seen(vec![power(100.0)])),
        &[("hw.power{hw.id=1}", "100 W", "100 kW")],
    );
    check(
        seen(vec![state("ok")]),
        seen(vec![state("degraded")]),
        None,
        &[("hw.status{hw.id=1}", "ok", "degraded")],
    );
    check(
        seen(vec![state("ok")]),
        seen(vec![state("degraded")]),
        Some(seen(vec![state("degraded")])),
        &[],
    );
    check(
        seen(vec![state("ok"), power(1.0)]),
        seen(vec![state("ok")]),
        None,
        &[("hw.power{hw.id=1}", "1 W", "nothing")],
    );
    // The stable release no longer reads it either.
    check(
        seen(vec![state("ok"), power(1.0)]),
        seen(vec![state("ok")]),
        Some(seen(vec![state("ok")])),
        &[],
    );
    check(seen(vec![]), seen(vec![power(1.0)]), None, &[]);
}

#[test]
fn an_outcome_is_compared_with_its_code() {
    let other = || ReadAnswer::failed("device-refused");
    check(
        ReadAnswer::failed("unreachable"),
        ReadAnswer::failed("unreachable"),
        None,
        &[],
    );
    check(
        ReadAnswer::failed("unreachable"),
        other(),
        None,
        &[("outcome", "failed (unreachable)", "failed (device-refused)")],
    );
    check(
        seen(vec![power(1.0)]),
        other(),
        Some(seen(vec![power(1.0)])),
        &[("outcome", "succeeded", "failed (device-refused)")],
    );
}

proptest! {
    #[test]
    fn what_the_stable_release_says_itself_is_no_difference(
        first in -1e9f64..1e9, last in -1e9f64..1e9, part in 0.0f64..=1.0
    ) {
        let between = first + (last - first) * part;
        for said in [first, last, between] {
            let (before, after) = (seen(vec![power(first)]), seen(vec![power(last)]));
            let found = compare(&before, &seen(vec![power(said)]), Some(&after), 0.0);
            prop_assert!(found.is_empty(), "{said} of {first}..{last}");
        }
    }
}
