//! Which read is due when.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use proptest::prelude::*;
use utakata_model::{ActionName, Kind, Parameters, ScheduleName, Target, TargetName};

use super::{Line, Timetable};
use crate::inventory::TargetEntry;

const MILLISECOND: Duration = Duration::from_millis(1);

fn line(interval: Duration) -> Line {
    Line {
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

/// How often each is read, stepping through time.
fn reads(
    table: &mut Timetable,
    from: Duration,
    to: Duration,
    step: Duration,
) -> BTreeMap<String, u32> {
    let mut reads = BTreeMap::new();
    let mut now = from;
    while now < to {
        now += step;
        for due in table.due(now) {
            for stop in due.stops {
                *reads.entry(stop.known.target.name.to_string()).or_default() += 1;
            }
        }
    }
    reads
}

/// Past the first reads, so that only regular ones are left.
fn settled(count: usize, interval: Duration) -> Timetable {
    let mut table = Timetable::default().rebuilt(
        vec![(line(interval), targets(count))],
        Duration::ZERO,
        Duration::ZERO,
    );
    table.due(Duration::ZERO);
    table
}

#[test]
fn every_target_is_read_once_in_each_interval() {
    let interval = Duration::from_secs(1);
    let mut table = settled(100, interval);
    let reads = reads(&mut table, Duration::ZERO, interval * 5, MILLISECOND * 7);
    assert_eq!(reads.len(), 100);
    assert!(
        reads.values().all(|count| (4..=6).contains(count)),
        "{reads:?}"
    );
}

#[test]
fn reads_are_spread_over_the_interval() {
    let interval = Duration::from_secs(10);
    let mut table = settled(10_000, interval);
    for tenth in 1..=10 {
        let due: usize = table
            .due(interval * tenth / 10)
            .iter()
            .map(|due| due.stops.len())
            .sum();
        assert!((800..1200).contains(&due), "{due} in the tenth {tenth}");
    }
}

#[test]
fn what_was_slept_through_is_not_made_up_for() {
    let interval = Duration::from_secs(1);
    let mut table = settled(10, interval);
    let due: usize = table
        .due(interval * 100)
        .iter()
        .map(|due| due.stops.len())
        .sum();
    assert_eq!(due, 10);
    assert!(table.next().unwrap() > interval * 100);
}

#[test]
fn a_new_target_is_read_at_once_and_the_others_keep_their_time_and_slot() {
    let interval = Duration::from_secs(3600);
    let all = targets(4);
    let now = Duration::from_secs(60);
    let mut table =
        Timetable::default().rebuilt(vec![(line(interval), all[..3].to_vec())], now, MILLISECOND);
    assert_eq!(
        table
            .due(now + MILLISECOND * 5)
            .iter()
            .map(|due| due.stops.len())
            .sum::<usize>(),
        3
    );
    let mut table = table.rebuilt(vec![(line(interval), all)], now, MILLISECOND);
    let due = table.due(now + MILLISECOND * 5);
    let names: Vec<_> = due[0]
        .stops
        .iter()
        .map(|stop| stop.known.target.name.as_str())
        .collect();
    assert_eq!(names, ["pdu-3"]);
}

#[test]
fn first_reads_keep_their_pace_and_survive_a_change() {
    let interval = Duration::from_secs(3600);
    let all = targets(10);
    let lines = || vec![(line(interval), all.clone())];
    let mut table = Timetable::default().rebuilt(lines(), Duration::ZERO, Duration::from_secs(1));
    let count = |due: Vec<super::Due>| due.iter().map(|due| due.stops.len()).sum::<usize>();
    assert_eq!(count(table.due(Duration::from_millis(2500))), 3);
    let mut table = table.rebuilt(lines(), Duration::from_millis(2500), Duration::from_secs(1));
    assert_eq!(count(table.due(Duration::from_secs(9))), 7);
}

#[test]
fn nothing_to_read_is_never_due() {
    let mut table = Timetable::default();
    assert_eq!(table.next(), None);
    assert!(table.due(Duration::from_secs(1)).is_empty());
}

proptest! {
    #[test]
    fn what_is_next_is_never_past_and_is_due_when_its_time_comes(
        milliseconds in 100u64..10_000,
        steps in proptest::collection::vec(0u64..30_000, 1..20),
    ) {
        let mut table = settled(7, Duration::from_millis(milliseconds));
        let mut now = Duration::ZERO;
        for step in steps {
            now += Duration::from_millis(step);
            table.due(now);
            let next = table.next().unwrap();
            prop_assert!(next > now);
            prop_assert!(!table.due(next).is_empty());
            now = next;
        }
    }
}
