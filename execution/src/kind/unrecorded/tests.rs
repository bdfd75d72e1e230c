use jiff::Timestamp;
use utakata_model::{Cure, OutcomeStatus, Problem};

use super::*;
use crate::{kind::outcome, samples::control};

fn ended(permit: Option<u64>) -> Outcome {
    let problem = Problem::new("odd", Cure::Retry, "odd");
    let status = OutcomeStatus::Failed;
    let outcome = outcome::not_begun(
        control("a"),
        status,
        problem,
        Duration::ZERO,
        Timestamp::now(),
    );
    Outcome { permit, ..outcome }
}

/// Returns the record of an outcome.
fn written(outcome: &Outcome) -> Recorded {
    Recorded {
        key: outcome.key(),
        ask: outcome.permit,
    }
}

/// After how many milliseconds an outcome is told, until it was told so often.
fn times(unrecorded: &mut Unrecorded, start: Instant, max: usize) -> Vec<u128> {
    let mut times = Vec::new();
    let mut now = start;
    while times.len() < max {
        now += Duration::from_millis(10);
        if !unrecorded.take_due(now).is_empty() {
            times.push((now - start).as_millis());
        }
    }
    times
}

#[test]
fn an_outcome_is_reported_again_and_again_with_longer_waits_until_it_is_recorded() {
    let (mut unrecorded, start) = (Unrecorded::new(10), Instant::now());
    let outcome = ended(Some(1));
    unrecorded.keep(&outcome, start);
    assert!(unrecorded.has(outcome.key()));
    let times = times(&mut unrecorded, start, 7);
    let waits: Vec<u128> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (wait, expect) in waits.iter().zip([2000, 4000, 8000, 10_000, 10_000]) {
        let max = expect + expect / 4 + 10;
        assert!((expect * 3 / 4..=max).contains(wait), "{waits:?}");
    }
    unrecorded.on_recorded(&[written(&outcome)], start);
    assert!(unrecorded.is_empty() && unrecorded.due.is_empty());
    assert!(!unrecorded.has(outcome.key()));
}

#[test]
fn what_ended_without_a_permit_is_known_after_it_was_recorded() {
    let (mut unrecorded, now) = (Unrecorded::new(10), Instant::now());
    let outcome = ended(None);
    unrecorded.keep(&outcome, now);
    unrecorded.on_recorded(&[written(&outcome)], now);
    assert!(unrecorded.is_empty());
    assert!(unrecorded.has(outcome.key()));
}

#[test]
fn beyond_the_limit_only_those_under_a_permit_are_kept() {
    let (mut unrecorded, now) = (Unrecorded::new(1), Instant::now());
    unrecorded.keep(&ended(Some(1)), now);
    assert_eq!(unrecorded.room(), 0);
    unrecorded.keep(&ended(None), now);
    assert_eq!(unrecorded.len(), 1);
    unrecorded.keep(&ended(Some(2)), now);
    assert_eq!(unrecorded.len(), 2);
}

#[test]
fn what_is_known_better_later_is_reported_once_more_after_a_record() {
    let (mut unrecorded, now) = (Unrecorded::new(10), Instant::now());
    let first = ended(Some(1));
    let second = Outcome {
        status: OutcomeStatus::Succeeded,
        ..first.clone()
    };
    unrecorded.keep(&first, now);
    unrecorded.keep(&second, now);
    unrecorded.on_recorded(&[written(&first)], now);
    let later = now + Duration::from_secs(2);
    assert_eq!(
        unrecorded.take_due(later)[0].status,
        OutcomeStatus::Succeeded
    );
    unrecorded.on_recorded(&[written(&first)], later);
    assert!(unrecorded.is_empty());
}

#[test]
fn a_record_that_is_duplicated_forgets_no_outcome_under_another_ask() {
    let (mut unrecorded, now) = (Unrecorded::new(10), Instant::now());
    let first = ended(Some(1));
    let second = Outcome {
        permit: Some(2),
        ..first.clone()
    };
    unrecorded.keep(&first, now);
    unrecorded.keep(&second, now);
    for _ in 0..3 {
        unrecorded.on_recorded(&[written(&first)], now);
        assert!(unrecorded.has(first.key()));
    }
    let again = unrecorded.take_due(now + Duration::from_secs(2));
    let asks: Vec<_> = again.iter().map(|one| one.permit).collect();
    assert_eq!(asks, [Some(2)]);
    unrecorded.on_recorded(&[written(&second)], now);
    assert!(unrecorded.is_empty() && unrecorded.due.is_empty());
}

#[test]
fn records_of_a_logic_environment_that_does_not_say_the_ask_are_understood() {
    let (mut unrecorded, now) = (Unrecorded::new(10), Instant::now());
    let first = ended(Some(1));
    let second = Outcome {
        permit: Some(2),
        ..first.clone()
    };
    unrecorded.keep(&first, now);
    unrecorded.keep(&second, now);
    let old = Recorded {
        key: first.key(),
        ask: None,
    };
    unrecorded.on_recorded(&[old], now);
    assert_eq!(unrecorded.len(), 1);
    unrecorded.on_recorded(&[old], now);
    assert!(unrecorded.is_empty());
}
