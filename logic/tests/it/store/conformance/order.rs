//! Requirements on every store: the orders of environments.

use utakata_model::{EnvironmentId, Order, PersonName, Scope, Stop, Zone};

use utakata_logic::store::{OrderRow, Orders, Store};

/// Orders are those written last, with their revision.
pub async fn orders_are_those_that_were_written(store: &dyn Store) {
    let row = |environment: &str, zone: &str, stop: Option<Stop>| OrderRow {
        environment: EnvironmentId::new(environment).unwrap(),
        zone: Zone::new(zone).unwrap(),
        orders: utakata_model::Orders {
            all: stop.map(|stop| Order {
                stop,
                by: PersonName::new("kim").unwrap(),
                since: "2026-03-01T12:00:00Z".parse().unwrap(),
                why: Some("the rack is moved".into()),
            }),
            ..utakata_model::Orders::default()
        },
    };
    let written = async || store.orders().await.unwrap();
    assert_eq!(written().await, Orders::default());
    let (two, one) = (
        row("wee-2", "hall-1", Some(Stop::Drain)),
        row("wee-1", "hall-1", Some(Stop::Pause)),
    );
    store
        .put_order(1_772_366_400_001, Some(&two))
        .await
        .unwrap();
    store
        .put_order(1_772_366_400_002, Some(&one))
        .await
        .unwrap();
    let expect = Orders {
        revision: 1_772_366_400_002,
        rows: vec![one, two.clone()],
        ..Orders::default()
    };
    assert_eq!(written().await, expect);
    let moved = row("wee-1", "hall-2", Some(Stop::Drain));
    store
        .put_order(1_772_366_400_003, Some(&moved))
        .await
        .unwrap();
    assert_eq!(written().await.rows, [moved, two.clone()]);
    let lifted = row("wee-1", "hall-2", None);
    store
        .put_order(1_772_366_400_004, Some(&lifted))
        .await
        .unwrap();
    assert_eq!(written().await.rows, std::slice::from_ref(&two));
    store.put_order(1_772_366_400_005, None).await.unwrap();
    let expect = Orders {
        revision: 1_772_366_400_005,
        rows: vec![two],
        ..Orders::default()
    };
    assert_eq!(written().await, expect);
    standing_orders_are_those_that_were_written(store).await;
}

async fn standing_orders_are_those_that_were_written(store: &dyn Store) {
    let order = |stop, why: &str| Order {
        stop,
        by: PersonName::new("kim").unwrap(),
        since: "2026-03-01T12:00:00Z".parse().unwrap(),
        why: Some(why.into()),
    };
    let zone = Scope::Zone(Zone::new("hall-1").unwrap());
    let kind = Scope::Kind("snmp".parse().unwrap());
    let release = Scope::Release("snmp@1.0".parse().unwrap());
    let put = async |revision, scope: &Scope, order: Option<Order>| {
        let put = store.put_standing(revision, scope, order.as_ref());
        put.await.unwrap();
    };
    let (first, second) = (order(Stop::Pause, "a"), order(Stop::Drain, "b"));
    put(1_772_366_400_006, &zone, Some(first.clone())).await;
    put(1_772_366_400_007, &kind, Some(first.clone())).await;
    put(1_772_366_400_008, &release, Some(first.clone())).await;
    put(1_772_366_400_009, &zone, Some(second.clone())).await;
    put(1_772_366_400_010, &kind, None).await;
    put(1_772_366_400_011, &kind, None).await;
    let written = store.orders().await.unwrap();
    assert_eq!(written.revision, 1_772_366_400_011);
    let expect = [(zone, second), (release, first)];
    assert_eq!(written.standing, expect.into());
    assert_eq!(written.rows.len(), 1);
}
