//! Requirements on every store: alarms, their changes, what was told, their rules, and relations.

use serde_json::json;
use utakata_api::apply::Document;
use utakata_logic::store::{AlarmChangeRow, AlarmRow, AlarmWrites, Change, Store, WriteBatch};
use utakata_model::{AlarmRule, Floor, Relation};

use super::{name, put};

fn change(number: u64, body: &str) -> AlarmChangeRow {
    AlarmChangeRow {
        number,
        body: body.into(),
    }
}

fn row(key: &str, body: &str) -> AlarmRow {
    AlarmRow {
        key: key.into(),
        body: body.into(),
    }
}

async fn write(store: &dyn Store, alarms: AlarmWrites) {
    let batch = WriteBatch {
        alarms,
        ..WriteBatch::default()
    };
    store.write(&batch).await.unwrap();
}

/// Alarms are those that were written last, and a change comes once, in the order of the numbers.
pub async fn alarms_are_those_that_were_written_last(store: &dyn Store) {
    assert_eq!(store.last_alarm_change().await.unwrap(), 0);
    let mut writes = AlarmWrites::default();
    for key in [
        "pdu-1/x",
        "pdu-1/x/phase=L1",
        "pdu-2/x/name=\u{00fc} 'a' \"b\"",
    ] {
        writes.rows.insert(key.into(), Some("one".into()));
    }
    writes.changes = (1..=1500).map(|number| change(number, "first")).collect();
    writes.told.insert("http://one".into(), 0);
    write(store, writes).await;

    let mut writes = AlarmWrites::default();
    writes.rows.insert("pdu-1/x".into(), Some("two".into()));
    writes.rows.insert("pdu-1/x/phase=L1".into(), None);
    writes.rows.insert("never there".into(), None);
    // A batch in doubt is written again.
    writes.changes = vec![change(1500, "again"), change(1501, "last")];
    writes.told.insert("http://one".into(), 1500);
    writes.told.insert("noc@example.org".into(), 3);
    writes.forget = Some(1000);
    write(store, writes).await;

    assert_eq!(
        store.alarms().await.unwrap(),
        [
            row("pdu-1/x", "two"),
            row("pdu-2/x/name=\u{00fc} 'a' \"b\"", "one")
        ]
    );
    assert_eq!(store.last_alarm_change().await.unwrap(), 1501);
    let first = store.alarm_changes(0, 2).await.unwrap();
    assert_eq!(first, [change(1001, "first"), change(1002, "first")]);
    let last = store.alarm_changes(1499, 100).await.unwrap();
    assert_eq!(last, [change(1500, "again"), change(1501, "last")]);
    assert_eq!(
        store.alarms_told().await.unwrap(),
        [
            ("http://one".to_owned(), 1500),
            ("noc@example.org".to_owned(), 3)
        ]
    );
}

/// Rules, relations and floors reflect all changes.
pub async fn rules_and_relations_are_those_that_were_written(store: &dyn Store) {
    let rule = |name: &str, raise: &str| -> AlarmRule {
        let rule = json!({ "name": name, "on": { "metric": "hw.power" }, "raise": raise });
        serde_json::from_value(rule).unwrap()
    };
    let relation = |to: &str| -> Relation {
        let relation = json!({
            "relation": "feeds", "from": { "target": "a", "outlet": 3 }, "to": to,
        });
        serde_json::from_value(relation).unwrap()
    };
    let put_rule = |rule: &AlarmRule| Change::Put(Document::Alarm(Box::new(rule.clone())));
    let put_relation = |relation: &Relation| Change::Put(Document::Relation(relation.clone()));
    let floor = |width: f64| {
        let floor = json!({ "name": "north", "size": [width, 6.0] });
        Box::new(serde_json::from_value::<Floor>(floor).unwrap())
    };
    let (old, new) = (rule("x", "value > 1.0"), rule("x", "value > 2.0"));
    let (other, one, two) = (rule("a", "value > 3.0"), relation("b"), relation("rack=A1"));
    let changes = [
        put("a"),
        put("b"),
        put_rule(&old),
        put_rule(&other),
        put_relation(&two),
        put_relation(&one),
        Change::Put(Document::Floor(floor(6.0))),
    ];
    store.change(&changes).await.unwrap();
    let contents = store.inventory().await.unwrap();
    assert_eq!(contents.floors, [*floor(6.0)]);
    assert_eq!(contents.alarm_rules, [other.clone(), old]);
    assert_eq!(contents.relations.len(), 2);

    let changes = [
        put_rule(&new),
        Change::DeleteAlarmRule(other.name.clone()),
        Change::DeleteRelation(two.key()),
        // It is there already: what it says is its name.
        put_relation(&one),
        Change::Put(Document::Floor(floor(7.5))),
    ];
    store.change(&changes).await.unwrap();
    let contents = store.inventory().await.unwrap();
    assert_eq!(contents.floors, [*floor(7.5)]);
    assert_eq!(contents.alarm_rules, [new]);
    assert_eq!(contents.relations, [one]);
    assert_eq!(contents.targets.len(), 2);
    store
        .change(&[
            Change::DeleteTarget(name("b")),
            Change::DeleteFloor("north".parse().unwrap()),
        ])
        .await
        .unwrap();
    assert!(store.inventory().await.unwrap().floors.is_empty());
}
