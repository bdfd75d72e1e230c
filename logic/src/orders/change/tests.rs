use super::*;

fn name<T: std::str::FromStr<Err: fmt::Debug>>(name: &str) -> T {
    name.parse().unwrap()
}

fn order(stop: Stop) -> Order {
    Order {
        stop,
        by: name("kim"),
        since: "2026-03-01T12:00:00.5Z".parse().unwrap(),
        why: None,
    }
}

fn orders(all: Option<Stop>, snmp: Option<Stop>) -> Orders {
    let snmp = snmp.map(|stop| (name("snmp"), order(stop)));
    Orders {
        all: all.map(order),
        kinds: snmp.into_iter().collect(),
        ..Orders::default()
    }
}

#[test]
fn an_order_is_lifted_where_it_was_given() {
    use Stop::{Drain, Pause};
    let snmp: Kind = name("snmp");
    let check = |before: Orders, kind: Option<&Kind>, stop: Option<Stop>, expect| {
        let after = after(&before, kind, stop.map(order));
        let told = after.map_err(|unfit| unfit.to_string());
        assert_eq!(told, expect, "{before:?} {kind:?} {stop:?}");
    };
    let none = || orders(None, None);
    check(none(), None, Some(Pause), Ok(orders(Some(Pause), None)));
    check(
        orders(Some(Pause), None),
        None,
        Some(Drain),
        Ok(orders(Some(Drain), None)),
    );
    check(orders(Some(Pause), None), None, None, Ok(none()));
    check(
        none(),
        Some(&snmp),
        Some(Drain),
        Ok(orders(None, Some(Drain))),
    );
    check(orders(None, Some(Drain)), Some(&snmp), None, Ok(none()));
    // What runs may be told to run.
    check(none(), None, None, Ok(none()));
    check(none(), Some(&snmp), None, Ok(none()));
    // Of two, the one that is meant.
    let both = || orders(Some(Pause), Some(Drain));
    check(both(), None, None, Ok(orders(None, Some(Drain))));
    check(both(), Some(&snmp), None, Ok(orders(Some(Pause), None)));
    let whole = "the kind snmp is not stopped by itself: the whole environment is paused by kim \
                 since 2026-03-01T12:00:00Z";
    check(
        orders(Some(Pause), None),
        Some(&snmp),
        None,
        Err(whole.into()),
    );
    let kinds = "it is not stopped as a whole, but of it are snmp (drained by kim since \
                 2026-03-01T12:00:00Z)";
    check(orders(None, Some(Drain)), None, None, Err(kinds.into()));
}

#[test]
fn a_revision_grows_whatever_the_clock_says() {
    let at = |millisecond| Timestamp::from_millisecond(millisecond).unwrap();
    for (revision, now, expect) in [
        (0, 1_000, 1_000),
        (999, 1_000, 1_000),
        (1_000, 1_000, 1_001),
        (5_000, 1_000, 5_001),
        (7, -5, 8),
    ] {
        assert_eq!(next(revision, at(now)), expect, "{revision} at {now}");
    }
}

#[test]
fn every_zone_is_told_and_who_has_moved_is_found() {
    let row = |environment: &str, zone: &str| OrderRow {
        environment: name(environment),
        zone: name(zone),
        orders: orders(Some(Stop::Pause), None),
    };
    let rows = [row("away", "hall-1"), row("moved", "hall-1")];
    let heard = [
        Arc::new(status("moved", "hall-2")),
        Arc::new(status("free", "hall-3")),
    ];
    let told = desired(7, rows.iter(), &BTreeMap::new(), &BTreeMap::new(), &heard);
    let told: Vec<_> = told
        .iter()
        .map(|one| {
            let names: Vec<&str> = one.environments.keys().map(|id| id.as_str()).collect();
            (one.zone.as_str(), one.revision, names)
        })
        .collect();
    let expect = [
        ("hall-1", 7, vec!["away"]),
        ("hall-2", 7, vec!["moved"]),
        ("hall-3", 7, vec![]),
    ];
    assert_eq!(told, expect);
}

fn status(id: &str, zone: &str) -> EnvironmentStatus {
    EnvironmentStatus {
        id: name(id),
        incarnation: utakata_model::Incarnation::generate(),
        zone: name(zone),
        over: Vec::new(),
        labels: utakata_model::Labels::new(),
        state: utakata_model::EnvironmentState::Running,
        version: "1".into(),
        time: Timestamp::now(),
        clock_ahead_ms: None,
        pools: Vec::new(),
        refused: Vec::new(),
        connections: Vec::new(),
        breakers: Vec::new(),
        desired: None,
        stopped: utakata_model::Stopped::default(),
        rollouts: Vec::new(),
        workers: None,
    }
}
