use std::fmt;

use jiff::Timestamp;
use utakata_model::{Order, Orders, Stop};

use super::*;
use crate::store::OrderRow;

fn name<T: std::str::FromStr<Err: fmt::Debug>>(name: &str) -> T {
    name.parse().unwrap()
}

fn paused() -> Orders {
    Orders {
        all: Some(Order {
            stop: Stop::Pause,
            by: name("kim"),
            since: "2026-03-01T12:00:00Z".parse().unwrap(),
            why: None,
        }),
        ..Orders::default()
    }
}

#[test]
fn nothing_is_published_before_anything_was_asked() {
    let heard = [Arc::new(status("free", "hall-3"))];
    let nothing = DesiredState::default();
    assert_eq!(zones(&nothing, &heard, &ZoneNetworks::new()), []);
    // Networks follow the inventory, whatever was ordered.
    let networks = ZoneNetworks::from([(name("hall-3"), BTreeMap::new())]);
    let sent = zones(&nothing, &heard, &networks);
    assert_eq!(sent.len(), 1);
    assert_eq!(
        (sent[0].revision, &sent[0].targets),
        (0, &Some(BTreeMap::new()))
    );
}

#[test]
fn every_zone_is_reported_and_who_has_moved_is_found() {
    let row = |environment: &str, zone: &str| OrderRow {
        environment: name(environment),
        zone: name(zone),
        orders: paused(),
    };
    let rows = [row("away", "hall-1"), row("moved", "hall-1")];
    let state = DesiredState {
        revision: 7,
        environments: rows.map(|row| (row.environment.clone(), row)).into(),
        ..DesiredState::default()
    };
    let heard = [
        Arc::new(status("moved", "hall-2")),
        Arc::new(status("free", "hall-3")),
    ];
    let told = zones(&state, &heard, &ZoneNetworks::new());
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
        key: None,
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
        needs_networks: false,
        stopped: utakata_model::Stopped::default(),
        rollouts: Vec::new(),
        workers: None,
        invariants_broken: 0,
        restarted: Vec::new(),
    }
}
