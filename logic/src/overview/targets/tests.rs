use std::time::Duration;

use utakata_model::{Cure, Problem, Schedule, Selector, TargetName};

use super::*;
use crate::inventory::Selection;

/// A site: 40 PDUs in 4 racks and 10 UPSs, of which every rack has some.
fn site() -> Vec<Arc<Known>> {
    let target = |kind: &str, at: usize, rack: usize| {
        let json = serde_json::json!({
            "name": format!("{kind}-{at}"), "kind": kind, "address": "192.0.2.1",
            "labels": { "rack": format!("A{rack}"), "room": "north", "serial": format!("{at}") },
        });
        Arc::new(Known::of(serde_json::from_value(json).unwrap()))
    };
    let pdus = (0..40).map(|at| target("apc-pdu", at, at / 10 + 1));
    let upss = (0..10).map(|at| target("ups", at, at % 4 + 1));
    pdus.chain(upss).collect()
}

fn fail(known: &Known, code: &str) {
    known.seen.lock().problem = Some(Problem::new(code, Cure::Operator, "it does not answer"));
}

/// Read by one schedule, each second, all of them.
fn coverage(all: &[Arc<Known>]) -> Coverage {
    let schedule = Schedule {
        name: "all".parse().unwrap(),
        selector: Selector::default(),
        interval: Duration::from_secs(1),
        action: None,
        parameters: serde_json::json!({}),
    };
    let all: Selection = all.to_vec().into();
    Coverage::build(&[Arc::new(schedule)], &Snapshot::default(), |_| {
        Arc::clone(&all)
    })
}

fn look(all: &[Arc<Known>], coverage: &Coverage) -> Targets {
    let look = Look {
        coverage,
        served: &Snapshot::default(),
        now: Timestamp::from_second(1000).unwrap(),
        started: Timestamp::UNIX_EPOCH,
    };
    look.at(all)
}

#[test]
fn targets_that_fail_are_grouped_by_kind_and_cause_with_the_racks_they_are_in() {
    let all = site();
    for known in &all[..40] {
        known.seen.lock().answered = Some(Timestamp::from_second(1000).unwrap());
    }
    // All of rack A1, a few of A2, one UPS for another reason.
    for known in &all[..13] {
        fail(known, "unreachable");
    }
    fail(&all[40], "bad-credential");
    let found = look(&all, &coverage(&all));
    let TargetCounts {
        all: count,
        answering,
        failing,
        unseen,
        ..
    } = found.counts;
    assert_eq!((count, answering, failing, unseen), (50, 27, 14, 9));
    let [pdus, ups] = found.groups.as_slice() else {
        panic!("{:?}", found.groups);
    };
    assert_eq!(
        (pdus.kind.as_str(), pdus.code.as_str()),
        ("apc-pdu", "unreachable")
    );
    assert_eq!((pdus.count, pdus.of), (13, 40));
    let places: Vec<(&str, u64, u64)> = pdus
        .places
        .iter()
        .map(|place| (place.value.as_str(), place.count, place.of))
        .collect();
    assert_eq!(places, [("A1", 10, 13), ("A2", 3, 13)]);
    assert!(pdus.places.iter().all(|place| place.label == "rack"));
    assert_eq!(ups.examples, [TargetName::new("ups-0").unwrap()]);
    assert_eq!(ups.places, []);
    // Nobody serves anything here.
    assert_eq!(found.unserved.values().sum::<u64>(), 50);
}

#[test]
fn what_nothing_reads_is_neither_well_nor_failing_and_what_is_read_too_late_is_a_group() {
    let all = site();
    all[0].seen.lock().answered = Some(Timestamp::from_second(1000).unwrap());
    let found = look(&all, &Coverage::default());
    assert_eq!(found.counts.unobserved, 50);
    assert_eq!(found.groups, []);
    for known in &all {
        known.seen.lock().answered = Some(Timestamp::from_second(900).unwrap());
    }
    let found = look(&all, &coverage(&all));
    assert_eq!(found.counts.stale, 50);
    assert_eq!(found.groups.len(), 2);
    assert_eq!(found.groups[0].code, "stale");
}

#[test]
fn many_causes_stay_a_bounded_answer() {
    let all = site();
    for (at, known) in all.iter().take(40).enumerate() {
        fail(known, &format!("code-{at}"));
    }
    let found = look(&all, &coverage(&all));
    assert_eq!((found.groups.len(), found.left_out), (20, 20));
}
