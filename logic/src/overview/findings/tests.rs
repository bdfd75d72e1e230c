use serde_json::json;
use utakata_api::overview::ControlCounts;
use utakata_model::{EnvironmentId, TargetName, TaskId};

use super::*;

const NOW: &str = "2026-03-01T12:00:00Z";

/// A site with nothing in it but one environment that does as it should.
fn well() -> SiteFacts {
    let status = json!({
        "version": "1", "started": "2000-01-01T00:00:00Z", "targets": 0, "schedules": 0, "problems": [],
        "environments": [environment("wee-1", "hall-1", "running", NOW)],
    });
    SiteFacts {
        now: NOW.parse().unwrap(),
        status: serde_json::from_value(status).unwrap(),
        schedules: Vec::new(),
        control: Some(Summary::default()),
        orders: Vec::new(),
        rollouts: Vec::new(),
        stuck: Vec::new(),
        unserved: BTreeMap::new(),
        zones: BTreeSet::from(["hall-1".parse().unwrap()]),
        disk: None,
        counts: TargetCounts::default(),
        short: Short::default(),
        unknown: Vec::new(),
    }
}

fn environment(id: &str, zone: &str, state: &str, time: &str) -> serde_json::Value {
    json!({
        "id": id, "incarnation": "0192f0c1-0000-7000-8000-00000000000e", "zone": zone,
        "state": state, "version": "1", "time": time, "pools": [pool("snmp", None)],
    })
}

fn pool(kind: &str, problem: Option<&str>) -> serde_json::Value {
    let mut pool = json!({
        "release": { "kind": kind, "version": "1", "digest": kind }, "active": true,
        "starting": 0, "ready": 1, "draining": 0, "running": 0, "waiting": 0, "lost": 0,
        "manifest": { "kind": kind, "version": "1", "protocol": 1, "run": { "program": "p" },
            "action": [{ "name": "a", "class": "observe" }] },
    });
    if let Some(message) = problem {
        pool["problem"] = json!({ "code": "worker-crashed", "message": message, "cure": "bug" });
    }
    pool
}

fn with(environments: &[serde_json::Value]) -> SiteFacts {
    let mut facts = well();
    facts.status.environments = serde_json::from_value(json!(environments)).unwrap();
    facts
}

#[track_caller]
fn check(facts: &SiteFacts, expect: &[(Weight, &str)]) {
    let found: Vec<(Weight, String)> = facts
        .findings()
        .iter()
        .map(|one| (one.weight, format!("{}: {}", one.subject, one.says)))
        .collect();
    let found: Vec<(Weight, &str)> = found
        .iter()
        .map(|(weight, text)| (*weight, text.as_str()))
        .collect();
    assert_eq!(found, expect);
}

#[test]
fn a_site_that_is_well_has_no_finding() {
    check(&well(), &[]);
    let counts = well().counts();
    assert_eq!((counts.running, counts.gone, counts.workers), (1, 0, 1));
}

#[test]
fn an_environment_that_has_gone_or_is_silent_is_a_problem_where_nobody_else_serves_its_zone() {
    let gone = environment("wee-1", "hall-1", "gone", "2026-03-01T11:59:40Z");
    check(
        &with(std::slice::from_ref(&gone)),
        &[(
            Weight::Wrong,
            "environment wee-1: gone, last heard from 20s ago: nobody serves the zone hall-1",
        )],
    );
    let other = environment("wee-2", "hall-1", "running", NOW);
    check(
        &with(&[gone.clone(), other]),
        &[(
            Weight::Notice,
            "environment wee-1: gone, last heard from 20s ago: others serve the zone hall-1",
        )],
    );
    let silent = environment("wee-2", "hall-1", "running", "2026-03-01T11:58:00Z");
    check(
        &with(&[silent]),
        &[(
            Weight::Wrong,
            "environment wee-2: silent, last heard from 2m ago: nobody serves the zone hall-1",
        )],
    );
    let mut facts = with(&[gone]);
    facts.zones.clear();
    check(
        &facts,
        &[(
            Weight::Notice,
            "environment wee-1: gone, last heard from 20s ago: the zone hall-1 has no targets",
        )],
    );
    check(
        &with(&[]),
        &[(
            Weight::Wrong,
            "environments: none is known: nothing can be read or controlled",
        )],
    );
}

#[test]
fn an_environment_none_of_whose_workers_starts_is_reported_in_one_line() {
    let mut vm = environment("vm", "hall-1", "running", NOW);
    vm["pools"] = json!([
        pool("snmp", Some("it ended at once")),
        pool("ups", Some("it ended, too")),
    ]);
    check(
        &with(&[vm.clone()]),
        &[(
            Weight::Wrong,
            "environment vm: none of its workers starts (2 kinds); snmp@1: it ended at once (worker-crashed)",
        )],
    );
    vm["pools"] = json!([pool("snmp", Some("it ended at once")), pool("ups", None)]);
    check(
        &with(&[vm]),
        &[(
            Weight::Wrong,
            "worker snmp@1 in vm: it ended at once (worker-crashed)",
        )],
    );
}

#[test]
fn control_that_waits_for_a_person_and_kinds_that_nobody_serves_are_reported() {
    let mut facts = well();
    let target = TargetName::new("pdu-1").unwrap();
    let mut control = Summary {
        counts: ControlCounts {
            open: 9,
            unsettled: 4,
            awaiting: 1,
            paused: 2,
            stopped: 0,
        },
        ..Summary::default()
    };
    control.unsettled.push((TaskId::generate(), target));
    control
        .awaiting
        .push(utakata_model::OperationId::generate());
    facts.control = Some(control);
    let place = ("ups".parse().unwrap(), "hall-1".parse().unwrap());
    facts.unserved.insert(place, 12);
    check(
        &facts,
        &[
            (
                Weight::Wrong,
                "kind ups: no environment serves it in the zone hall-1: 12 targets cannot be reached",
            ),
            (
                Weight::Wrong,
                "control: 4 tasks are unsettled, the oldest on pdu-1: a person has to state the outcome",
            ),
            (
                Weight::Notice,
                "control: 1 operation is waiting for an approval",
            ),
            (Weight::Notice, "control: 2 operations are paused"),
        ],
    );
}

#[test]
fn what_the_server_says_is_reported_once_and_a_broker_that_is_away_is_wrong() {
    let mut facts = with(&[environment("wee-1", "hall-1", "running", NOW)]);
    let unserved = Problem::new("kind-not-served", Cure::Operator, "nobody serves it");
    let full = Problem::new("disk-full", Cure::Operator, "the disk is full");
    facts.schedules = vec![unserved.clone()];
    facts.status.problems = vec![unserved, full];
    let broker = json!({ "name": "tasks", "to": "amqp://b", "since": NOW, "problem": "refused",
        "lost": 1, "waiting": 0, "dropped": 0 });
    facts.status.connections = serde_json::from_value(json!([broker])).unwrap();
    let id = EnvironmentId::new("wee-1").unwrap();
    facts.orders.push(Suspension {
        scope: utakata_model::Scope::Environment(id),
        order: serde_json::from_value(json!({ "stop": "pause", "by": "ana", "since": NOW }))
            .unwrap(),
    });
    check(
        &facts,
        &[
            (Weight::Wrong, "broker of tasks: amqp://b is away: refused"),
            (Weight::Wrong, "server: the disk is full (disk-full)"),
            (Weight::Notice, "the environment wee-1: paused by ana"),
        ],
    );
}

#[test]
fn a_connection_that_is_there_and_not_as_it_should_be_is_reported() {
    let mut environment = environment("wee-1", "hall-1", "running", NOW);
    environment["connections"] = json!([{
        "name": "events", "to": "mqtt://broker:1883", "since": NOW, "lost": 1, "waiting": 0,
        "dropped": 0, "notices": ["another process has come under its name"],
    }]);
    check(
        &with(&[environment]),
        &[(
            Weight::Notice,
            "broker of events of wee-1: mqtt://broker:1883: another process has come under its \
             name",
        )],
    );
}

#[test]
fn releases_that_are_refused_and_profiles_that_no_release_is_made_of_are_reported_by_their_path() {
    let mut environment = environment("wee-1", "hall-1", "running", NOW);
    let refused = |path: &str, code: &str, says: &str| {
        let problem = Problem::new(code, Cure::Operator, says);
        json!({ "path": path, "problem": problem })
    };
    environment["refused"] = json!([
        refused("/data/releases/x", "release-manifest", "it is wrong"),
        refused(
            "/data/profiles/y.toml",
            "profile-refused",
            "y.toml:3: what?"
        ),
        refused(
            "/data/releases/z",
            "release-changing",
            "it is being written"
        ),
    ]);
    check(
        &with(&[environment]),
        &[
            (
                Weight::Wrong,
                "release in /data/releases/x: refused: it is wrong (release-manifest)",
            ),
            (
                Weight::Wrong,
                "/data/profiles/y.toml: y.toml:3: what? (profile-refused)",
            ),
            (
                Weight::Notice,
                "release in /data/releases/z: refused: it is being written (release-changing)",
            ),
        ],
    );
}

#[test]
fn states_that_cannot_be_are_wrong_wherever_they_were() {
    let mut environment = environment("wee-1", "hall-1", "running", NOW);
    environment["invariants_broken"] = json!(2);
    let mut facts = with(&[environment]);
    facts.status.invariants_broken = 1;
    check(
        &facts,
        &[
            (
                Weight::Wrong,
                "server: it was in 1 impossible state since it started: a bug in utakata",
            ),
            (
                Weight::Wrong,
                "environment wee-1: it was in 2 impossible states since it started: \
                 bugs in utakata",
            ),
        ],
    );
}

#[test]
fn a_kind_whose_service_failed_is_worth_knowing() {
    let mut environment = environment("wee-1", "hall-1", "running", NOW);
    environment["restarted"] =
        json!([{ "kind": "snmp", "count": 2, "last": "2026-03-01T11:59:30Z" }]);
    check(
        &with(&[environment]),
        &[(
            Weight::Notice,
            "kind snmp in wee-1: its service failed 2 times, the last time 30s ago, and is \
             started again by itself",
        )],
    );
}

#[test]
fn a_device_of_which_neither_password_is_known_to_be_right_is_wrong() {
    let mut facts = well();
    let view = json!({
        "operation": "0192f0c1-0000-7000-8000-00000000000e", "target": "bmc-1",
        "state": "stuck", "told": "it is away",
    });
    let view = serde_json::from_value(view).unwrap();
    facts.stuck = vec![("bmc".parse().unwrap(), view)];
    let says = "credential bmc: neither its new nor its old password is known to be right for \
                bmc-1; both are kept, and tried again: it is away";
    check(&facts, &[(Weight::Wrong, says)]);
}

#[test]
fn what_is_not_there_yet_just_after_the_start_is_waited_for() {
    let mut facts = with(&[]);
    let place = ("ups".parse().unwrap(), "hall-1".parse().unwrap());
    facts.unserved.insert(place, 3);
    let age = |facts: &mut SiteFacts, seconds: i64| {
        facts.status.started = facts.now - jiff::SignedDuration::from_secs(seconds);
    };
    age(&mut facts, 59);
    let waited = [
        (
            Weight::Notice,
            "environments: none has reported since the start: it is waited for",
        ),
        (
            Weight::Notice,
            "kind ups: it is waited for in the zone hall-1, with 3 targets",
        ),
    ];
    check(&facts, &waited);
    age(&mut facts, 60);
    let wrong = [
        (
            Weight::Wrong,
            "environments: none is known: nothing can be read or controlled",
        ),
        (
            Weight::Wrong,
            "kind ups: no environment serves it in the zone hall-1: 3 targets cannot be reached",
        ),
    ];
    check(&facts, &wrong);
}
