//! What was last seen.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use utakata_api::inventory::Health;
use utakata_model::{
    ActionName, Class, Cure, MetricName, OperationId, Origin, Outcome, OutcomeStatus, Problem,
    Quality, Reading, ReadingValue, Readings, TargetName, TaskId, TaskKey, outcome::Timings,
};

use super::Seen;

fn readings(second: i64, metrics: &[&str]) -> Arc<Readings> {
    let reading = |metric: &&str| Reading {
        metric: MetricName::new(metric).unwrap(),
        attributes: Default::default(),
        value: ReadingValue::Number(second as f64),
        unit: "".into(),
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
    let mut seen = Seen::default();
    let mut check = |second, metrics: &[&str], last: usize, earlier: &[(&str, i64)]| {
        seen.saw(&readings(second, metrics));
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
fn health_is_that_of_the_last_attempt_which_reached_for_the_target() {
    use OutcomeStatus::{Cancelled, Expired, Failed, Succeeded, Unknown};
    let mut seen = Seen::default();
    assert_eq!(seen.health(), Health::Unseen);
    for (status, expect) in [
        (Cancelled, Health::Unseen),
        (Failed, Health::Failing),
        (Succeeded, Health::Answering),
        (Cancelled, Health::Answering),
        (Expired, Health::Failing),
        (Succeeded, Health::Answering),
        (Unknown, Health::Failing),
    ] {
        seen.ended(&outcome(status));
        assert_eq!(seen.health(), expect, "{status:?}");
    }
}
