use super::*;

fn order(stop: Stop) -> Order {
    Order {
        stop,
        by: "kim".parse().unwrap(),
        since: "2026-03-01T12:00:00Z".parse().unwrap(),
        why: None,
    }
}

/// Parses `zone`, `zone+kind`, `kind`, `environment`, `environment+kind` or `kind@version`.
fn scope(text: &str) -> Scope {
    let zone = || "hall-1".parse().unwrap();
    let (kind, id): (Kind, EnvironmentId) = ("snmp".parse().unwrap(), "wee-1".parse().unwrap());
    match text {
        "zone" => Scope::Zone(zone()),
        "kind" => Scope::Kind(kind),
        "zone+kind" => Scope::KindInZone(kind, zone()),
        "environment" => Scope::Environment(id),
        "environment+kind" => Scope::KindInEnvironment(kind, id),
        release => Scope::Release(release.parse().unwrap()),
    }
}

#[test]
fn of_orders_the_one_that_stops_more_holds_and_of_equals_the_widest() {
    use Stop::{Drain, Pause};
    for (given, expect, other) in [
        (vec![], None, None),
        (vec![("zone", Pause)], Some("zone"), Some("zone")),
        (vec![("kind", Pause)], Some("kind"), None),
        (
            vec![("environment+kind", Pause)],
            Some("environment+kind"),
            None,
        ),
        // The widest of equals.
        (
            vec![("zone", Pause), ("kind", Pause), ("environment", Pause)],
            Some("zone"),
            Some("zone"),
        ),
        (
            vec![("kind", Pause), ("zone+kind", Pause)],
            Some("kind"),
            None,
        ),
        (
            vec![("zone+kind", Drain), ("environment", Drain)],
            Some("zone+kind"),
            Some("environment"),
        ),
        (
            vec![("environment", Pause), ("environment+kind", Pause)],
            Some("environment"),
            Some("environment"),
        ),
        // The strictest.
        (
            vec![("zone", Pause), ("kind", Drain)],
            Some("kind"),
            Some("zone"),
        ),
        (
            vec![
                ("zone", Pause),
                ("kind", Pause),
                ("environment+kind", Drain),
            ],
            Some("environment+kind"),
            Some("zone"),
        ),
        (
            vec![
                ("environment", Pause),
                ("zone+kind", Drain),
                ("kind", Drain),
            ],
            Some("kind"),
            Some("environment"),
        ),
        // A release is not the same as its kind.
        (vec![("snmp@1.0", Drain)], None, None),
    ] {
        let orders: BTreeMap<Scope, Order> = given
            .iter()
            .map(|(text, stop)| (scope(text), order(*stop)))
            .collect();
        let zone = "hall-1".parse().unwrap();
        let id = "wee-1".parse().unwrap();
        let standing = StandingOrders::of_zone(&orders, &zone);
        let own = Orders {
            all: orders.get(&scope("environment")).cloned(),
            kinds: orders
                .get(&scope("environment+kind"))
                .map(|order| ("snmp".parse().unwrap(), order.clone()))
                .into_iter()
                .collect(),
            ..Orders::default()
        };
        let holds = |kind: &str| {
            let of = standing.of(&zone, &id, &own, &kind.parse().unwrap());
            of.map(|(scope, _)| scope)
        };
        assert_eq!(holds("snmp"), expect.map(scope), "{given:?}");
        assert_eq!(holds("ups"), other.map(scope), "{given:?}, another kind");
    }
}

#[test]
fn orders_of_other_zones_are_not_among_those_of_a_zone() {
    let orders = ["zone", "zone+kind", "kind", "snmp@1.0", "environment"];
    let orders: BTreeMap<Scope, Order> = orders
        .iter()
        .map(|text| (scope(text), order(Stop::Pause)))
        .collect();
    let here = StandingOrders::of_zone(&orders, &"hall-1".parse().unwrap());
    assert!(here.zone.all.is_some() && here.zone.kinds.len() == 1);
    let there = StandingOrders::of_zone(&orders, &"hall-2".parse().unwrap());
    assert!(there.zone.is_empty());
    assert_eq!(there.everywhere, here.everywhere);
    assert_eq!(there.everywhere.kinds.len(), 1);
    assert_eq!(there.everywhere.releases.len(), 1);
}

#[test]
fn what_an_order_is_for_is_read_as_it_was_written_and_nothing_else_is() {
    for (text, json) in [
        ("zone", r#"{"zone":"hall-1"}"#),
        ("kind", r#"{"kind":"snmp"}"#),
        ("zone+kind", r#"{"zone":"hall-1","kind":"snmp"}"#),
        ("environment", r#"{"environment":"wee-1"}"#),
        (
            "environment+kind",
            r#"{"environment":"wee-1","kind":"snmp"}"#,
        ),
        ("snmp@1.0", r#"{"release":"snmp@1.0"}"#),
    ] {
        assert_eq!(serde_json::to_string(&scope(text)).unwrap(), json);
        assert_eq!(serde_json::from_str::<Scope>(json).unwrap(), scope(text));
    }
    for wrong in [
        "{}",
        r#"{"zone":"hall-1","environment":"wee-1"}"#,
        r#"{"zone":"hall-1","release":"snmp@1.0"}"#,
        r#"{"release":"snmp"}"#,
        r#"{"release":"snmp@"}"#,
        r#"{"zones":"hall-1"}"#,
    ] {
        assert!(serde_json::from_str::<Scope>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn an_order_meets_what_it_stops_or_stops_a_part_of() {
    for (one, other, expect) in [
        ("zone", "zone+kind", true),
        ("kind", "zone+kind", true),
        ("kind", "snmp@1.0", true),
        ("kind", "environment+kind", true),
        ("snmp@1.0", "snmp@1.1", false),
        ("kind", "ups@1.0", false),
    ] {
        assert_eq!(scope(one).meets(&scope(other)), expect, "{one} {other}");
        assert_eq!(scope(other).meets(&scope(one)), expect, "{other} {one}");
    }
}
