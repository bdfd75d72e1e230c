use std::fmt;

use utakata_model::Stop;

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
    let kinds = "it is not stopped as a whole, but these are: snmp (drained by kim since \
                 2026-03-01T12:00:00Z)";
    check(orders(None, Some(Drain)), None, None, Err(kinds.into()));
}
