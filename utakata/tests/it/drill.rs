//! The drill in short: it finds nothing where all promises are kept, and it would find something.

use std::process::Stdio;

use serde_json::Value;
use utakata_tests::repository;

use crate::program::{Place, wait_for};

/// Runs a drill, expects this exit code, and returns its findings.
fn drill(more: &[&str], code: i32) -> Value {
    let arguments = "drill --seed 1 --kill-every 2s --devices 20 -o json";
    let time: &[&str] = match more.contains(&"--for") {
        true => &[],
        false => &["--for", "15s"],
    };
    let more = time.iter().chain(more).copied();
    run(&arguments.split(' ').chain(more).collect::<Vec<_>>(), code)
}

fn drill_policies(more: &[&str], code: i32) -> Value {
    let arguments = ["drill", "--policies", "--seed", "1", "-o", "json"];
    run(&[&arguments, more].concat(), code)
}

fn run(arguments: &[&str], code: i32) -> Value {
    let place = Place::new();
    let done = place.run(arguments);
    let nothing = wait_for(|| place.processes().is_empty().then_some(()));
    assert!(nothing.is_some(), "left: {:?}", place.processes());
    assert_eq!(done.code, code, "{}{}", done.out, done.err);
    serde_json::from_str(&done.out).unwrap()
}

fn kills(report: &Value) -> u64 {
    let kills = report["kills"].as_object().unwrap().values();
    kills.filter_map(Value::as_u64).sum()
}

#[test]
fn nothing_is_lost_or_done_twice_whatever_is_killed() {
    let report = drill(&[], 0);
    assert!(kills(&report) > 3, "{report}");
    let counts = &report["counts"];
    assert!(counts["operations"].as_u64() > Some(20), "{counts}");
    assert!(counts["succeeded"].as_u64() > Some(10), "{counts}");
    for never in ["lost", "twice", "lies", "nowhere"] {
        assert_eq!(counts[never], 0, "{report}");
    }
}

#[test]
fn releases_are_rolled_while_everything_is_killed_and_nothing_is_lost_or_done_twice() {
    let report = drill(&["--rollouts", "--for", "20s"], 0);
    assert!(kills(&report) > 3, "{report}");
    assert!(report["rolled"]["done"].as_u64() > Some(0), "{report}");
    for never in ["lost", "twice", "lies", "nowhere"] {
        assert_eq!(report["counts"][never], 0, "{report}");
    }
}

/// RabbitMQ, Mosquitto and PostgreSQL, two logic environments, two environments; servers and links
/// are attacked as well.
#[test]
fn nothing_is_lost_or_done_twice_with_real_servers_between() {
    let servers = repository::root().join("tests/servers");
    let servers = ["--servers", servers.to_str().unwrap(), "--for", "60s"];
    let report = drill(&servers, 0);
    assert!(kills(&report) > 3, "{report}");
    let counts = &report["counts"];
    assert!(counts["operations"].as_u64() > Some(20), "{counts}");
    assert!(counts["succeeded"].as_u64() > Some(5), "{counts}");
    for never in ["lost", "twice", "lies", "nowhere"] {
        assert_eq!(counts[never], 0, "{report}");
    }
}

/// Containers, their engine and everything else are killed while releases are rolled out. Needs
/// root, for a separate Docker engine.
#[test]
fn nothing_is_lost_done_twice_or_left_with_workers_in_containers() {
    let engine = repository::root().join("tests/servers");
    let engine = ["--docker", engine.to_str().unwrap()];
    let report = drill(&[&engine[..], &["--rollouts", "--for", "25s"]].concat(), 0);
    assert!(kills(&report) > 3, "{report}");
    assert!(report["kills"]["engine"].as_u64() > Some(0), "{report}");
    assert!(report["rolled"]["done"].as_u64() > Some(0), "{report}");
    assert_eq!(report["left"], 0, "{report}");
    let counts = &report["counts"];
    assert!(counts["succeeded"].as_u64() > Some(5), "{counts}");
    for never in ["lost", "twice", "lies", "nowhere"] {
        assert_eq!(counts[never], 0, "{report}");
    }
}

/// Pods are killed and evicted, nodes are drained, and the API server is away, while everything
/// else is killed, too.
#[test]
fn nothing_is_lost_done_twice_or_left_with_workers_as_pods() {
    let report = drill(&["--kubernetes", "--for", "40s"], 0);
    assert!(kills(&report) > 3, "{report}");
    assert!(report["kills"]["eviction"].as_u64() > Some(0), "{report}");
    assert_eq!(report["left"], 0, "{report}");
    let counts = &report["counts"];
    assert!(counts["succeeded"].as_u64() > Some(5), "{counts}");
    for never in ["lost", "twice", "lies", "nowhere"] {
        assert_eq!(counts[never], 0, "{report}");
    }
}

/// A policy sheds a feed before its breaker trips, whatever is killed.
#[test]
fn a_breaker_does_not_trip_and_nothing_is_outside_of_the_envelope_whatever_is_killed() {
    let report = drill_policies(&["--for", "15s", "--kill-every", "2s"], 0);
    assert!(kills(&report) > 3, "{report}");
    let relieved = report["losses"].as_array().unwrap().iter();
    let relieved = relieved.filter(|loss| loss["end"] == "relieved");
    assert_eq!(relieved.count(), 1, "{report}");
    let counts = &report["counts"];
    assert!(counts["acts"].as_u64() > Some(3), "{report}");
    for never in ["outside", "twice", "nowhere", "left"] {
        assert_eq!(counts[never], 0, "{report}");
    }
}

#[test]
fn a_ledger_that_asks_no_envelope_is_detected() {
    let calm = ["--for", "10s", "--kill-every", "1h", "--without-envelopes"];
    let report = drill_policies(&calm, 1);
    assert!(report["counts"]["outside"].as_u64() > Some(0), "{report}");
}

#[test]
fn environments_that_request_no_permits_are_detected() {
    let report = drill(&["--without-permits"], 1);
    assert!(kills(&report) > 3, "{report}");
    let counts = &report["counts"];
    assert!(counts["twice"].as_u64() > Some(0), "{counts}");
}

#[test]
fn a_drill_that_is_killed_leaves_nothing_running() {
    let place = Place::new();
    let kept = place.data();
    let keep = ["drill", "--keep", kept.to_str().unwrap()];
    let mut child = place
        .command(&keep)
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    // The drill, the simulator, four processes of the site, and a worker.
    let all = wait_for(|| (place.processes().len() >= 7).then_some(()));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(all.is_some(), "{:?}", place.processes());
    let nothing = wait_for(|| place.processes().is_empty().then_some(()));
    assert!(nothing.is_some(), "left: {:?}", place.processes());
}
