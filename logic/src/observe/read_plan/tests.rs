//! The times at which reads are due.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use proptest::prelude::*;
use utakata_model::{ActionName, Kind, Parameters, ScheduleName, Target, TargetName};

use super::{ReadPlan, ScheduleEntry};
use crate::inventory::TargetEntry;

const MILLISECOND: Duration = Duration::from_millis(1);

fn line(interval: Duration) -> ScheduleEntry {
    ScheduleEntry {
        schedule: ScheduleName::new("s").unwrap(),
        interval,
        action: ActionName::new("read").unwrap(),
        parameters: Parameters::default(),
        timeout: Duration::from_secs(1),
    }
}

fn targets(count: usize) -> Vec<Arc<TargetEntry>> {
    let known = |at: usize| {
        let name = TargetName::new(format!("pdu-{at}")).unwrap();
        let target = Target::new(name, Kind::new("pdu").unwrap(), "x".into());
        Arc::new(TargetEntry::of(target, at as u64))
    };
    (0..count).map(known).collect()
}

/// Returns the number of times that each target is read, stepping through time.
fn reads(
    plan: &mut ReadPlan,
    from: Duration,
    to: Duration,
    step: Duration,
) -> BTreeMap<String, u32> {
    let mut reads = BTreeMap::new();
    let mut now = from;
    while now < to {
        now += step;
        for due in plan.due(now) {
            for read in due.reads {
                *reads.entry(read.known.target.name.to_string()).or_default() += 1;
            }
        }
    }
    reads
}

/// Past the first reads, so that only regular ones are left.
fn settled(count: usize, interval: Duration) -> ReadPlan {
    let mut plan = ReadPlan::default().rebuilt(
        vec![(line(interval), targets(count))],
        Duration::ZERO,
        Duration::ZERO,
    );
    plan.due(Duration::ZERO);
    plan
}

#[test]
fn every_target_is_read_once_in_each_interval() {
    let interval = Duration::from_secs(1);
    let mut plan = settled(100, interval);
    let reads = reads(&mut plan, Duration::ZERO, interval * 5, MILLISECOND * 7);
    assert_eq!(reads.len(), 100);
    assert!(
        reads.values().all(|count| (4..=6).contains(count)),
        "{reads:?}"
    );
}

#[test]
fn reads_are_spread_over_the_interval() {
    let interval = Duration::from_secs(10);
    let mut plan = settled(10_000, interval);
    for tenth in 1..=10 {
        let due: usize = plan
            .due(interval * tenth / 10)
            .iter()
            .map(|due| due.reads.len())
            .sum();
        assert!((800..1200).contains(&due), "{due} in the tenth {tenth}");
    }
}

#[test]
fn what_was_slept_through_is_not_made_up_for() {
    let interval = Duration::from_secs(1);
    let mut plan = settled(10, interval);
    let due: usize = plan
        .due(interval * 100)
        .iter()
        .map(|due| due.reads.len())
        .sum();
    assert_eq!(due, 10);
    assert!(plan.next().unwrap() > interval * 100);
}

#[test]
fn a_new_target_is_read_at_once_and_the_others_keep_their_time_and_slot() {
    let interval = Duration::from_secs(3600);
    let all = targets(4);
    let now = Duration::from_secs(60);
    let mut plan =
        ReadPlan::default().rebuilt(vec![(line(interval), all[..3].to_vec())], now, MILLISECOND);
    assert_eq!(
        plan.due(now + MILLISECOND * 5)
            .iter()
            .map(|due| due.reads.len())
            .sum::<usize>(),
        3
    );
    let mut plan = plan.rebuilt(vec![(line(interval), all)], now, MILLISECOND);
    let due = plan.due(now + MILLISECOND * 5);
    let names: Vec<_> = due[0]
        .reads
        .iter()
        .map(|read| read.known.target.name.as_str())
        .collect();
    assert_eq!(names, ["pdu-3"]);
}

#[test]
fn first_reads_keep_their_pace_and_survive_a_change() {
    let interval = Duration::from_secs(3600);
    let all = targets(10);
    let entries = || vec![(line(interval), all.clone())];
    let mut plan = ReadPlan::default().rebuilt(entries(), Duration::ZERO, Duration::from_secs(1));
    let count = |due: Vec<super::Due>| due.iter().map(|due| due.reads.len()).sum::<usize>();
    assert_eq!(count(plan.due(Duration::from_millis(2500))), 3);
    let mut plan = plan.rebuilt(
        entries(),
        Duration::from_millis(2500),
        Duration::from_secs(1),
    );
    assert_eq!(count(plan.due(Duration::from_secs(9))), 7);
}

#[test]
fn nothing_to_read_is_never_due() {
    let mut plan = ReadPlan::default();
    assert_eq!(plan.next(), None);
    assert!(plan.due(Duration::from_secs(1)).is_empty());
}

proptest! {
    #[test]
    fn what_is_next_is_never_past_and_is_due_when_its_time_comes(
        milliseconds in 100u64..10_000,
        steps in proptest::collection::vec(0u64..30_000, 1..20),
    ) {
        let mut plan = settled(7, Duration::from_millis(milliseconds));
        let mut now = Duration::ZERO;
        for step in steps {
            now += Duration::from_millis(step);
            plan.due(now);
            let next = plan.next().unwrap();
            prop_assert!(next > now);
            prop_assert!(!plan.due(next).is_empty());
            now = next;
        }
    }
}
