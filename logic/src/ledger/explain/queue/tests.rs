use std::collections::BTreeMap;

use utakata_model::{
    EnvironmentId, Incarnation, Labels, Manifest, Orders, ReleaseDigest, ReleaseId, Stop, Stopped,
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
        manifest: Manifest::parse(manifest).unwrap(),
        active: true,
        starting: 0,
        ready: 2,
        draining: 0,
        running: 0,
        waiting: 0,
        lost: 0,
        problem: None,
        memory: None,
    };
    Arc::new(EnvironmentStatus {
        id: name(id),
        incarnation: Incarnation::generate(),
        zone: name("hall-1"),
        labels: Labels::new(),
        state: EnvironmentState::Running,
        version: "1".into(),
        time: Timestamp::now(),
        pools: vec![pool],
        refused: Vec::new(),
        connections: Vec::new(),
        breakers: Vec::new(),
        desired: None,
        stopped: Stopped::default(),
        rollouts: Vec::new(),
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

#[test]
fn a_task_whose_environments_are_all_stopped_says_who_did_it_and_how_it_goes_on() {
    let check = |orders: &[(&str, Orders)], waits_for: &str, says: &str, cure: Option<&str>| {
        let orders = orders.iter().cloned();
        let orders: BTreeMap<EnvironmentId, Orders> =
            orders.map(|(id, orders)| (name(id), orders)).collect();
        let facts = Facts {
            environments: vec![environment("wee-1"), environment("wee-2")],
            orders,
        };
        let queue = of(&name("snmp"), Some(&name("hall-1")), &facts);
        assert_eq!(queue.waits_for, waits_for, "{}", queue.says);
        assert_eq!(queue.says, says);
        assert_eq!(queue.cure.as_deref(), cure);
    };
    check(
        &[("wee-1", all(Stop::Pause))],
        "queue",
        "it is in the queue of the kind snmp; 2 workers are ready of the zone hall-1, and 0 \
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
