use std::collections::BTreeMap;

use utakata_api::rollout::KindAssignment;
use utakata_model::{
    Cure, EnvironmentId, Incarnation, Labels, Manifest, Orders, Problem, ReleaseDigest, ReleaseId,
    Stop, Stopped,
    environment::{RefusedRelease, WorkersStatus},
};

use super::*;

fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(name: &str) -> T {
    name.parse().unwrap()
}

fn environment(id: &str) -> Arc<EnvironmentStatus> {
    let manifest = "kind = \"snmp\"\nversion = \"1\"\nprotocol = 1\nrun = { program = \"p\" }\n\
                    [[action]]\nname = \"a\"\nclass = \"observe\"\n";
    let pool = PoolStatus {
        release: ReleaseId {
            kind: name("snmp"),
            version: "1".into(),
            digest: ReleaseDigest("d".into()),
        },
        manifest: Manifest::parse(manifest).unwrap().into(),
        active: true,
        starting: 0,
        ready: 2,
        draining: 0,
        running: 0,
        waiting: 0,
        lost: 0,
        problem: None,
        memory: None,
        ended: utakata_model::environment::EndedTasks::default(),
    };
    Arc::new(EnvironmentStatus {
        id: name(id),
        incarnation: Incarnation::generate(),
        zone: name("hall-1"),
        over: Vec::new(),
        key: None,
        labels: Labels::new(),
        state: EnvironmentState::Running,
        version: "1".into(),
        time: Timestamp::now(),
        clock_ahead_ms: None,
        pools: vec![pool],
        refused: Vec::new(),
        connections: Vec::new(),
        breakers: Vec::new(),
        desired: None,
        needs_networks: false,
        stopped: Stopped::default(),
        rollouts: Vec::new(),
        workers: None,
        invariants_broken: 0,
        restarted: Vec::new(),
    })
}

fn order(stop: Stop) -> Order {
    Order {
        stop,
        by: name("kim"),
        since: "2026-03-01T12:00:00Z".parse().unwrap(),
        why: Some("the rack is moved".into()),
    }
}

fn all(stop: Stop) -> Orders {
    Orders {
        all: Some(order(stop)),
        ..Orders::default()
    }
}

fn of_kind(stop: Stop) -> Orders {
    Orders {
        kinds: [(name("snmp"), order(stop))].into(),
        ..Orders::default()
    }
}

fn facts() -> Facts {
    Facts {
        environments: vec![environment("wee-1"), environment("wee-2")],
        orders: BTreeMap::new(),
        standing: BTreeMap::new(),
        kinds: BTreeMap::new(),
        pins: crate::desired::PinTable::default(),
    }
}

#[test]
fn a_task_whose_environments_are_all_stopped_says_who_did_it_and_how_it_continues() {
    let check = |orders: &[(&str, Orders)], waits_for: &str, says: &str, cure: Option<&str>| {
        let orders = orders.iter().cloned();
        let orders: BTreeMap<EnvironmentId, Orders> =
            orders.map(|(id, orders)| (name(id), orders)).collect();
        let facts = Facts {
            environments: vec![environment("wee-1"), environment("wee-2")],
            orders,
            ..facts()
        };
        let queue = of(&name("snmp"), Some(&name("hall-1")), None, &facts);
        assert_eq!(queue.waits_for, waits_for, "{}", queue.says);
        assert_eq!(queue.says, says);
        assert_eq!(queue.cure.as_deref(), cure);
    };
    check(
        &[("wee-1", all(Stop::Pause))],
        "queue",
        "it is in the queue for kind snmp; 2 workers in zone hall-1 are ready, and 0 \
         tasks wait for them",
        None,
    );
    check(
        &[("wee-1", all(Stop::Pause)), ("wee-2", of_kind(Stop::Drain))],
        "order",
        "the environment wee-1 is paused by kim since 2026-03-01T12:00:00Z (the rack is moved), \
         and the other one that serves it is stopped, too",
        Some("`utakata environment resume wee-1`"),
    );
    check(
        &[("wee-1", of_kind(Stop::Drain)), ("wee-2", all(Stop::Pause))],
        "order",
        "the kind snmp of the environment wee-1 is drained by kim since 2026-03-01T12:00:00Z \
         (the rack is moved), and the other one that serves it is stopped, too",
        Some("`utakata environment resume wee-1 --kind snmp`"),
    );
}

/// Returns what a task waits for whose target keeps this version, if any.
fn waits(pin: Option<&str>, facts: &Facts) -> (&'static str, String, String) {
    let queue = of(&name("snmp"), Some(&name("hall-1")), pin, facts);
    (queue.waits_for, queue.says, queue.cure.unwrap_or_default())
}

#[test]
fn a_task_says_that_its_zone_its_kind_or_its_release_is_stopped() {
    let said = "paused by kim since 2026-03-01T12:00:00Z (the rack is moved)";
    let zone = || Scope::Zone(name("hall-1"));
    let kind = || Scope::Kind(name("snmp"));
    let release = || Scope::Release("snmp@1".parse().unwrap());
    let check = |given: &[Scope], says: String, cure: &str| {
        let given = given.iter();
        let facts = Facts {
            standing: given
                .map(|scope| (scope.clone(), order(Stop::Pause)))
                .collect(),
            ..facts()
        };
        let expect = ("order", says, format!("`{cure}`"));
        assert_eq!(waits(None, &facts), expect);
        assert_eq!(waits(Some("1"), &facts), expect);
    };
    check(
        &[zone(), kind(), release()],
        format!("the zone hall-1 is {said}"),
        "utakata environment resume --zone hall-1",
    );
    check(
        &[kind(), release()],
        format!("the kind snmp is {said}"),
        "utakata kind resume snmp",
    );
    check(
        &[Scope::KindInZone(name("snmp"), name("hall-1"))],
        format!("the kind snmp in the zone hall-1 is {said}"),
        "utakata kind resume snmp --zone hall-1",
    );
    check(
        &[release()],
        format!("the release snmp@1 is {said}"),
        "utakata worker resume snmp@1",
    );
    // What is stopped elsewhere holds up nobody here.
    let elsewhere = [
        Scope::Zone(name("hall-2")),
        Scope::Kind(name("ups")),
        Scope::Release("snmp@2".parse().unwrap()),
    ];
    let facts = Facts {
        standing: elsewhere.map(|scope| (scope, order(Stop::Pause))).into(),
        ..facts()
    };
    assert_eq!(waits(None, &facts).0, "queue");
}

#[test]
fn a_task_says_that_nobody_is_meant_or_that_its_release_is_still_to_come() {
    let requested = |placement: &str| KindAssignment {
        placement: Some(placement.parse().unwrap()),
        ..KindAssignment::default()
    };
    let facts = |requested: KindAssignment, refused: Vec<RefusedRelease>| {
        let mut one = EnvironmentStatus::clone(&environment("wee-1"));
        one.refused = refused;
        Facts {
            environments: vec![Arc::new(one)],
            kinds: [(name("snmp"), requested)].into(),
            ..facts()
        }
    };
    let (waits_for, says, cure) = waits(None, &facts(requested("purpose=control"), Vec::new()));
    assert_eq!(waits_for, "placement");
    assert_eq!(
        says,
        "kind snmp is to be served by environments purpose=control, and there is no such \
         environment in zone hall-1"
    );
    assert!(cure.contains("utakata kind place snmp"), "{cure}");
    assert_eq!(
        waits(None, &facts(requested("name=wee-1"), Vec::new())).0,
        "queue"
    );
    let fetching = RefusedRelease {
        path: "release snmp@2".into(),
        problem: Problem::new("release-fetching", Cure::Retry, "it is fetched"),
    };
    for (refused, why) in [(vec![fetching], ": it is fetched"), (Vec::new(), "")] {
        let (waits_for, says, _) = waits(Some("2"), &facts(KindAssignment::default(), refused));
        assert_eq!(waits_for, "release");
        let expect = "the release snmp@2, which the target is pinned to, has not reached any \
                      environment in zone hall-1 yet";
        assert!(says.starts_with(expect), "{says}");
        assert!(says.contains(why), "{says}");
    }
}

#[test]
fn a_rollout_is_never_said_to_hold_up_what_the_stable_release_does() {
    let mut one = EnvironmentStatus::clone(&environment("wee-1"));
    let mut candidate = one.pools[0].clone();
    candidate.release.version = "2".into();
    candidate.active = false;
    candidate.ready = 0;
    candidate.problem = Some(Problem::new(
        "worker-crashed",
        Cure::Bug,
        "the candidate dies",
    ));
    one.pools.push(candidate);
    let check = |one: &EnvironmentStatus, stopped: &[&str], expect: &str| {
        let scope = |release: &&str| Scope::Release(release.parse().unwrap());
        let facts = Facts {
            environments: vec![Arc::new(one.clone())],
            standing: stopped
                .iter()
                .map(|release| (scope(release), order(Stop::Pause)))
                .collect(),
            ..facts()
        };
        let (waits_for, says, _) = waits(None, &facts);
        assert_eq!(waits_for, expect, "{says}");
        assert!(
            !says.contains("candidate") && !says.contains("snmp@2"),
            "{says}"
        );
    };
    check(&one, &[], "queue");
    check(&one, &["snmp@2"], "queue");
    check(&one, &["snmp@1"], "order");
    one.pools[0].ready = 0;
    check(&one, &[], "no-worker");
}

#[test]
fn a_limit_of_workers_is_named_where_tasks_wait_because_of_it() {
    let mut one = EnvironmentStatus::clone(&environment("wee-1"));
    one.workers = Some(WorkersStatus {
        max: 4,
        short: [name("snmp")].into(),
    });
    let expect = "the environment wee-1 runs 4 workers, as many as it may";
    for (waiting, is_named) in [(0, false), (7, true)] {
        one.pools[0].waiting = waiting;
        let facts = Facts {
            environments: vec![Arc::new(one.clone())],
            ..facts()
        };
        let (_, says, cure) = waits(None, &facts);
        assert_eq!(says.contains(expect), is_named, "{says}");
        assert_eq!(cure.contains("execution.max_workers"), is_named, "{cure}");
    }
}
