//! The latest observations.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use utakata_model::{
    ActionName, Class, Cure, Measurand, MetricName, Missing, OperationId, Origin, Outcome,
    OutcomeStatus, Problem, Quality, Reading, ReadingValue, Readings, TargetName, TaskId, TaskKey,
    missing, outcome::Timings,
};

use super::LastSeen;
use crate::observed::turns::HealthTurn;

fn readings(second: i64, metrics: &[&str]) -> Arc<Readings> {
    let reading = |metric: &&str| Reading {
        of: Measurand {
            metric: MetricName::new(metric).unwrap(),
            attributes: Default::default(),
            unit: "".into(),
        }
        .into(),
        value: ReadingValue::Number(second as f64),
        quality: Quality::Good,
    };
    Arc::new(Readings {
        target: TargetName::new("t").unwrap(),
        action: ActionName::new("read").unwrap(),
        seen_by: TaskKey {
            task: TaskId::generate(),
            attempt: 1,
        },
        time: Timestamp::from_second(second).unwrap(),
        readings: metrics.iter().map(reading).collect(),
    })
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn outcome(status: OutcomeStatus) -> Outcome {
    Outcome {
        task: TaskId::generate(),
        attempt: 1,
        origin: Origin::Operation(OperationId::generate()),
        target: TargetName::new("t").unwrap(),
        action: ActionName::new("read").unwrap(),
        class: Class::Observe,
        status,
        problem: (status != OutcomeStatus::Succeeded).then(|| Problem::new("x", Cure::Retry, "y")),
        result: None,
        missing: Vec::new(),
        recognition: None,
        ran_by: None,
        permit: None,
        is_over: false,
        timings: Timings {
            ended: Timestamp::from_second(1).unwrap(),
            waited: Duration::ZERO,
            ran: Duration::ZERO,
        },
    }
}

#[test]
fn values_that_are_not_seen_again_are_kept_with_their_time_for_a_day() {
    let mut seen = LastSeen::default();
    let mut check = |second, metrics: &[&str], last: usize, earlier: &[(&str, i64)]| {
        seen.saw(&readings(second, metrics), at(second + 1));
        let by = &seen.actions[0];
        assert_eq!(by.last.readings.len(), last, "at {second}");
        let found: Vec<(&str, i64)> = by
            .earlier
            .iter()
            .map(|one| (one.reading.metric.as_str(), one.time.as_second()))
            .collect();
        assert_eq!(found, earlier, "at {second}");
    };
    check(10, &["a", "b", "c"], 3, &[]);
    check(20, &["a", "b", "c"], 3, &[]);
    // Half a table: the rest stays, as old as it is.
    check(30, &["a"], 1, &[("b", 20), ("c", 20)]);
    check(40, &["a", "b"], 2, &[("c", 20)]);
    // What comes late does not overwrite what is newer.
    check(35, &["c"], 2, &[("c", 20)]);
    check(90_000, &["a", "b"], 2, &[]);
}

#[test]
fn the_last_attempt_that_reached_for_the_target_counts_and_a_turn_is_reported_once() {
    use OutcomeStatus::{Cancelled, Expired, Failed, Succeeded, Unknown};
    let mut seen = LastSeen::default();
    let fails = || Some(HealthTurn::Fails(Problem::new("x", Cure::Retry, "y")));
    for (status, turn, is_failing) in [
        (Cancelled, None, false),
        (Failed, fails(), true),
        (Failed, None, true),
        (Succeeded, Some(HealthTurn::Answers), false),
        (Succeeded, None, false),
        (Cancelled, None, false),
        // Nobody asked it.
        (Expired, None, false),
        (Unknown, fails(), true),
        (Expired, None, true),
    ] {
        assert_eq!(seen.ended(&outcome(status)), turn, "{status:?}");
        assert_eq!(seen.problem.is_some(), is_failing, "{status:?}");
    }
}

#[test]
fn a_clock_that_is_set_makes_nothing_older_or_younger_and_what_comes_next_counts() {
    for step in [7200, -7200] {
        let mut seen = LastSeen::default();
        seen.saw(&readings(10_000, &["a", "b"]), at(10_000));
        seen.saw(&readings(10_010, &["a"]), at(10_010));
        seen.answered = Some(Timestamp::from_second(10_010).unwrap());
        seen.shift(jiff::SignedDuration::from_secs(step));
        let by = &seen.actions[0];
        assert_eq!(by.last.time.as_second(), 10_010 + step);
        assert_eq!(by.earlier[0].time.as_second(), 10_000 + step);
        assert_eq!(seen.answered.unwrap().as_second(), 10_010 + step);
        // By the clock as it is now.
        seen.saw(&readings(10_020 + step, &["a", "c"]), at(10_020 + step));
        assert_eq!(seen.actions[0].last.readings.len(), 2);
    }
}

#[test]
fn what_an_answer_lacks_is_known_until_that_action_brings_all() {
    use utakata_model::{Missing, missing};
    let mut seen = LastSeen::default();
    let gap = vec![Missing::rest("1.2.3", missing::BROKEN_OFF, "")];
    let partial = Outcome {
        missing: gap.clone(),
        ..outcome(OutcomeStatus::Succeeded)
    };
    assert_eq!(seen.ended(&partial), None);
    assert_eq!(&*seen.shortcoming().unwrap().code, "incomplete");
    // Another action says nothing of it, and neither does a failure.
    let other = Outcome {
        action: ActionName::new("get").unwrap(),
        ..outcome(OutcomeStatus::Succeeded)
    };
    seen.ended(&other);
    seen.ended(&outcome(OutcomeStatus::Failed));
    assert_eq!(
        seen.missing.values().flatten().collect::<Vec<_>>(),
        [&gap[0]]
    );
    seen.ended(&outcome(OutcomeStatus::Succeeded));
    assert_eq!((seen.shortcoming(), seen.missing.len()), (None, 0));
}

#[test]
fn what_a_whole_read_did_not_bring_has_gone_and_what_a_partial_one_did_not_is_kept() {
    let earlier = |seen: &LastSeen| seen.actions[0].earlier.len();
    let mut seen = LastSeen::default();
    seen.saw(&readings(10, &["a", "b"]), at(10));
    let last = readings(20, &["a"]);
    seen.saw(&last, at(30));
    let ended = |key: TaskKey| Outcome {
        task: key.task,
        attempt: key.attempt,
        ..outcome(OutcomeStatus::Succeeded)
    };
    let whole = ended(last.seen_by);
    let partial = Outcome {
        missing: vec![Missing::rest("1.3.6", missing::BROKEN_OFF, "")],
        ..whole.clone()
    };
    let failed = Outcome {
        status: OutcomeStatus::Failed,
        ..whole.clone()
    };
    let other = outcome(OutcomeStatus::Succeeded);
    for kept in [&partial, &failed, &other] {
        assert!(!seen.forget_unseen(kept));
        assert_eq!(earlier(&seen), 1, "{kept:?}");
    }
    assert!(seen.forget_unseen(&whole));
    assert_eq!(earlier(&seen), 0);
    assert!(!seen.forget_unseen(&whole), "there is nothing left");
}

#[test]
fn what_is_called_another_way_is_no_other_series() {
    let named = |second, name: &str, id: Option<&str>| {
        let mut readings = Readings::clone(&readings(second, &["a"]));
        let attributes = [("hw.name", Some(name)), ("hw.id", id)];
        let attributes = attributes
            .iter()
            .filter_map(|(key, text)| Some((*key, (*text)?)));
        Arc::make_mut(&mut readings.readings[0].of).attributes = attributes
            .map(|(key, text)| (key.into(), text.into()))
            .collect();
        Arc::new(readings)
    };
    for (id, earlier) in [(Some("4"), 0), (None, 1)] {
        let mut seen = LastSeen::default();
        seen.saw(&named(10, "FAN 4, Normal", id), at(10));
        seen.saw(&named(20, "FAN 4, Not functioning", id), at(20));
        assert_eq!(seen.actions[0].earlier.len(), earlier, "{id:?}");
    }
}

#[test]
fn control_that_is_refused_or_settled_does_not_make_a_target_that_answers_fail() {
    for (code, is_failing) in [
        ("device-refused", false),
        ("settled", false),
        ("worker-lost", false),
        ("unreachable", true),
        ("bad-credential", true),
    ] {
        let mut seen = LastSeen::default();
        seen.ended(&outcome(OutcomeStatus::Succeeded));
        let refused = Outcome {
            class: Class::Control,
            problem: Some(Problem::new(code, Cure::Operator, "y")),
            ..outcome(OutcomeStatus::Failed)
        };
        let turn = seen.ended(&refused);
        assert_eq!(turn.is_some(), is_failing, "{code}");
        assert_eq!(seen.problem.is_some(), is_failing, "{code}");
    }
}

#[test]
fn the_last_values_answer_for_a_read_if_they_are_all_of_it_and_young_enough() {
    let action = ActionName::new("read").unwrap();
    let read = readings(100, &["a", "b"]);
    let end = |status, missing: Vec<Missing>| Outcome {
        task: read.seen_by.task,
        attempt: read.seen_by.attempt,
        missing,
        ..outcome(status)
    };
    let gap = vec![Missing::rest("1.2.3", missing::NO_ANSWER, "")];
    for (ended, since, expect) in [
        (Some(end(OutcomeStatus::Succeeded, Vec::new())), 100, true),
        (Some(end(OutcomeStatus::Succeeded, Vec::new())), 101, false),
        // Something is missing of it, or nobody said that it was all.
        (Some(end(OutcomeStatus::Succeeded, gap)), 100, false),
        (None, 100, false),
    ] {
        let mut seen = LastSeen::default();
        seen.saw(&read, at(105));
        if let Some(ended) = &ended {
            seen.forget_unseen(ended);
        }
        let found = seen.whole_since(&action, at(since)).is_some();
        assert_eq!(found, expect, "{ended:?} {since}");
        // A narrower read since then is not all of it.
        seen.saw(&readings(200, &["a"]), at(200));
        assert!(seen.whole_since(&action, at(since)).is_none());
    }
}

#[test]
fn a_target_that_is_read_by_one_action_takes_room_for_one() {
    let mut seen = LastSeen::default();
    for second in 0..100 {
        seen.saw(&readings(second, &["a", "b"]), at(second));
    }
    assert_eq!(seen.actions.capacity(), 1);
    // There are 100,000 of them.
    assert!(size_of::<LastSeen>() <= 176, "{}", size_of::<LastSeen>());
    let of_action = size_of::<super::ActionReadings>();
    assert!(of_action <= 96, "{of_action}");
}
