use std::time::Duration;

use utakata_model::{Cure, Problem, Schedule, Selector, TargetName};

use super::*;
use crate::inventory::Selection;

/// A site: 40 PDUs in 4 racks and 10 UPSs, of which every rack has some.
fn site() -> Vec<Arc<TargetEntry>> {
    let mut devices = 0..;
    let mut target = |kind: &str, at: usize, rack: usize| {
        let device = devices.next().unwrap();
        let json = serde_json::json!({
            "name": format!("{kind}-{at}"), "kind": kind, "address": "192.0.2.1",
            "labels": { "rack": format!("A{rack}"), "room": "north", "serial": format!("{at}") },
        });
        Arc::new(TargetEntry::of(
            serde_json::from_value(json).unwrap(),
            device,
        ))
    };
    let mut all: Vec<_> = (0..40)
        .map(|at| target("apc-pdu", at, at / 10 + 1))
        .collect();
    all.extend((0..10).map(|at| target("ups", at, at % 4 + 1)));
    all
}

fn fail(observed: &Observed, known: &TargetEntry, code: &str) {
    let problem = Problem::new(code, Cure::Operator, "it does not answer");
    observed.set(known.device, |seen| seen.problem = Some(problem));
}

fn answer(observed: &Observed, known: &TargetEntry, second: i64) {
    let at = Timestamp::from_second(second).unwrap();
    observed.set(known.device, |seen| seen.answered = Some(at));
}

/// Read by one schedule, each second, all of them.
fn coverage(all: &[Arc<TargetEntry>]) -> Coverage {
    let schedule = Schedule {
        name: "all".parse().unwrap(),
        selector: Selector::default(),
        interval: Duration::from_secs(1),
        action: None,
        parameters: serde_json::json!({}),
    };
    let all: Selection = all.to_vec().into();
    Coverage::build(&[Arc::new(schedule)], &KindsSnapshot::default(), |_| {
        Arc::clone(&all)
    })
}

/// Returns an environment that reads PDUs and UPSs, unless something of it is stopped.
fn readers(stopped: &serde_json::Value) -> Readers {
    let pool = |kind: &str| {
        serde_json::json!({
            "release": { "kind": kind, "version": "1", "digest": kind }, "active": true,
            "starting": 0, "ready": 1, "draining": 0, "running": 0, "waiting": 0, "lost": 0,
            "manifest": { "kind": kind, "version": "1", "protocol": 1, "run": { "program": "p" },
                "action": [{ "name": "a", "class": "observe" }] },
        })
    };
    let environment = serde_json::json!({
        "id": "here", "incarnation": "0192f0c1-0000-7000-8000-00000000000e", "zone": all_zone(), "state": "running", "version": "0",
        "time": "1970-01-01T00:16:40Z", "pools": [pool("apc-pdu"), pool("ups")],
        "stopped": stopped,
    });
    let environment = serde_json::from_value(environment).unwrap();
    Readers::of(&[environment], Timestamp::from_second(1000).unwrap())
}

fn all_zone() -> String {
    site()[0].target.zone.to_string()
}

fn look(all: &[Arc<TargetEntry>], observed: &Observed, coverage: &Coverage) -> Targets {
    look_with(all, observed, coverage, &readers(&serde_json::json!({})))
}

fn look_with(
    all: &[Arc<TargetEntry>],
    observed: &Observed,
    coverage: &Coverage,
    readers: &Readers,
) -> Targets {
    let look = Survey {
        readers,
        observed,
        coverage,
        served: &KindsSnapshot::default(),
        now: Timestamp::from_second(1000).unwrap(),
        started: Timestamp::UNIX_EPOCH,
    };
    look.at(all)
}

#[test]
fn targets_that_fail_are_grouped_by_kind_and_cause_with_the_racks_they_are_in() {
    let (all, observed) = (site(), Observed::default());
    for known in &all[..40] {
        answer(&observed, known, 1000);
    }
    // All of rack A1, a few of A2, one UPS for another reason.
    for known in &all[..13] {
        fail(&observed, known, "unreachable");
    }
    fail(&observed, &all[40], "bad-credential");
    let found = look(&all, &observed, &coverage(&all));
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
    let (all, observed) = (site(), Observed::default());
    answer(&observed, &all[0], 1000);
    let found = look(&all, &observed, &Coverage::default());
    assert_eq!(found.counts.unobserved, 50);
    assert_eq!(found.groups, []);
    for known in &all {
        answer(&observed, known, 900);
    }
    let found = look(&all, &observed, &coverage(&all));
    assert_eq!(found.counts.stale, 50);
    assert_eq!(found.groups.len(), 2);
    assert_eq!(found.groups[0].code, "stale");
}

#[test]
fn what_nobody_asks_is_stale_and_no_failure() {
    let (all, observed) = (site(), Observed::default());
    for known in &all {
        answer(&observed, known, 900);
    }
    let nobody = Readers::default();
    for (readers, groups) in [
        (readers(&serde_json::json!({})), 2),
        (readers(&serde_json::json!({ "all": "paused" })), 0),
        (
            readers(&serde_json::json!({ "kinds": { "ups": "drained" } })),
            1,
        ),
        (
            readers(&serde_json::json!({ "releases": { "apc-pdu@1": "pausing" } })),
            1,
        ),
        (nobody, 0),
    ] {
        let found = look_with(&all, &observed, &coverage(&all), &readers);
        assert_eq!(
            (found.counts.stale, found.groups.len()),
            (50, groups),
            "{readers:?}"
        );
    }
}

#[test]
fn many_causes_stay_a_bounded_answer() {
    let (all, observed) = (site(), Observed::default());
    for (at, known) in all.iter().take(40).enumerate() {
        fail(&observed, known, &format!("code-{at}"));
    }
    let found = look(&all, &observed, &coverage(&all));
    assert_eq!((found.groups.len(), found.left_out), (20, 20));
}
