use std::fs;

use utakata_model::Order;

use super::*;

fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(name: &str) -> T {
    name.parse().unwrap()
}

fn order(stop: Stop) -> Order {
    Order {
        stop,
        by: name("kim"),
        since: "2026-03-01T12:00:00Z".parse().unwrap(),
        why: None,
    }
}

fn orders(all: Option<Stop>, kinds: &[(&str, Stop)]) -> Orders {
    let kinds = kinds.iter().map(|(kind, stop)| (name(kind), order(*stop)));
    Orders {
        all: all.map(order),
        kinds: kinds.collect(),
        ..Orders::default()
    }
}

fn desired(revision: u64, environment: &str, orders: Orders) -> Desired {
    Desired {
        zone: name("hall-1"),
        revision,
        environments: [(name(environment), orders)].into(),
        kinds: BTreeMap::new(),
        standing: StandingOrders::default(),
        targets: None,
    }
}

fn keeper(folder: Option<&Path>) -> (DesiredKeeper, watch::Receiver<LocalDesired>) {
    DesiredKeeper::open(name("wee-1"), name("hall-1"), folder.map(Path::to_owned)).unwrap()
}

#[tokio::test]
async fn a_later_revision_counts_and_an_older_one_changes_nothing() {
    let (keeper, asked) = keeper(None);
    let pause = || orders(Some(Stop::Pause), &[]);
    let stop = || asked.borrow().stop(&name("snmp"));
    let revision = || asked.borrow().revision;
    assert_eq!((revision(), stop()), (None, None));
    keeper.hear(&desired(7, "wee-1", pause())).await;
    assert_eq!((revision(), stop()), (Some(7), Some(Stop::Pause)));
    for late in [6, 7] {
        keeper
            .hear(&desired(late, "wee-1", Orders::default()))
            .await;
        assert_eq!((revision(), stop()), (Some(7), Some(Stop::Pause)), "{late}");
    }
    let mut elsewhere = desired(9, "wee-1", Orders::default());
    elsewhere.zone = name("hall-2");
    keeper.hear(&elsewhere).await;
    assert_eq!((revision(), stop()), (Some(7), Some(Stop::Pause)));
    // Who is not named has no order.
    keeper.hear(&desired(8, "wee-2", pause())).await;
    assert_eq!((revision(), stop()), (Some(8), None));
}

#[tokio::test]
async fn what_is_asked_holds_after_a_restart_unless_the_zone_is_another() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("state");
    let drain = orders(None, &[("snmp", Stop::Drain)]);
    let (first, _) = keeper(Some(&place));
    first.hear(&desired(7, "wee-1", drain)).await;
    let (_, asked) = keeper(Some(&place));
    assert_eq!(asked.borrow().revision, Some(7));
    assert_eq!(asked.borrow().stop(&name("snmp")), Some(Stop::Drain));
    assert_eq!(asked.borrow().stop(&name("ups")), None);
    let (_, moved) =
        DesiredKeeper::open(name("wee-1"), name("hall-2"), Some(place.clone())).unwrap();
    assert_eq!(*moved.borrow(), LocalDesired::default());
    fs::write(place.join(FILE), "{").unwrap();
    let (_, torn) = keeper(Some(&place));
    assert_eq!(*torn.borrow(), LocalDesired::default());
}

#[test]
fn what_is_stopped_is_reported_as_far_as_it_is() {
    use StopState::{Drained, Draining, Paused, Pausing};
    let check = |orders: Orders, kinds: &[Option<StopState>], expect, of_snmp| {
        let asked = LocalDesired {
            revision: Some(1),
            orders: orders.clone(),
            ..LocalDesired::default()
        };
        let names = ["snmp", "ups"].map(name).into_iter();
        let kinds: Vec<(Kind, _)> = names.zip(kinds.iter().copied()).collect();
        let stopped = asked.stopped(&kinds, BTreeMap::new());
        assert_eq!(stopped.all, expect, "{orders:?} {kinds:?}");
        let snmp = stopped.kinds.get(&name::<Kind>("snmp")).copied();
        assert_eq!(snmp, of_snmp, "{orders:?} {kinds:?}");
    };
    let pause = || orders(Some(Stop::Pause), &[]);
    check(Orders::default(), &[None, None], None, None);
    check(pause(), &[None, None], Some(Pausing), None);
    check(pause(), &[Some(Paused), Some(Pausing)], Some(Pausing), None);
    check(pause(), &[Some(Paused), Some(Paused)], Some(Paused), None);
    check(pause(), &[Some(Drained), Some(Paused)], Some(Paused), None);
    check(pause(), &[], Some(Paused), None);
    let drain = || orders(Some(Stop::Drain), &[]);
    check(
        drain(),
        &[Some(Drained), Some(Paused)],
        Some(Draining),
        None,
    );
    check(
        drain(),
        &[Some(Drained), Some(Drained)],
        Some(Drained),
        None,
    );
    let of_kind = || orders(None, &[("snmp", Stop::Drain)]);
    check(of_kind(), &[Some(Draining), None], None, Some(Draining));
    check(of_kind(), &[Some(Drained), None], None, Some(Drained));
    // The stricter of two holds.
    let both = orders(Some(Stop::Drain), &[("snmp", Stop::Pause)]);
    check(
        both,
        &[Some(Drained), Some(Draining)],
        Some(Draining),
        Some(Drained),
    );
}

#[tokio::test]
async fn networks_of_targets_may_change_within_a_revision_and_orders_may_not() {
    let (keeper, asked) = keeper(None);
    let with = |revision: u64, orders: Orders, network: &str| {
        let networks = TargetNetworks {
            networks: vec![network.parse().unwrap()],
            ..Default::default()
        };
        Desired {
            targets: Some([(name("snmp"), networks)].into()),
            ..desired(revision, "wee-1", orders)
        }
    };
    let known = || {
        let asked = asked.borrow();
        let targets = asked.targets.as_deref().unwrap();
        targets.values().next().unwrap().networks[0].to_string()
    };
    keeper.hear(&with(2, Orders::default(), "10.0.0.0/8")).await;
    assert_eq!(known(), "10.0.0.0/8");
    keeper
        .hear(&with(2, Orders::default(), "192.0.2.0/24"))
        .await;
    assert_eq!(known(), "192.0.2.0/24");
    assert_eq!(asked.borrow().stop(&name("snmp")), None);
    let pause = orders(Some(Stop::Pause), &[]);
    keeper.hear(&with(2, pause.clone(), "192.0.2.0/25")).await;
    assert_eq!(known(), "192.0.2.0/25");
    assert_eq!(asked.borrow().stop(&name("snmp")), None);
    // An older message changes nothing.
    keeper.hear(&with(1, pause, "10.0.0.0/8")).await;
    assert_eq!(known(), "192.0.2.0/25");
}
