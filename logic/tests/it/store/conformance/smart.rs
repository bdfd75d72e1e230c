//! The memory of gates and policies.

use jiff::Timestamp;
use utakata_logic::store::{PolicyLogRow, Store, WriteBatch};

fn rows(rows: &[(&str, Option<&str>)]) -> WriteBatch {
    let mut batch = WriteBatch::default();
    for (key, body) in rows {
        let body = body.map(str::to_owned);
        batch.gate.0.insert((*key).to_owned(), body.clone());
        batch.policies.0.insert((*key).to_owned(), body);
    }
    batch
}

/// Rows are those that were written last, and are gone when they are no more.
pub async fn what_policies_remember_is_what_was_written_last(store: &dyn Store) {
    let first = rows(&[("a", Some("1")), ("b", Some("2")), ("c", Some("3"))]);
    store.write(&first).await.unwrap();
    let second = rows(&[("b", Some("4")), ("c", None), ("d", None)]);
    store.write(&second).await.unwrap();
    let expect = [("a", "1"), ("b", "4")].map(|(key, body)| (key.to_owned(), body.to_owned()));
    assert_eq!(store.gate().await.unwrap(), expect);
    assert_eq!(store.policy_states().await.unwrap(), expect);
}

fn logged(instance: &str, at: i64, body: &str) -> PolicyLogRow {
    PolicyLogRow {
        instance: instance.to_owned(),
        at,
        body: body.to_owned(),
    }
}

/// The states of an instance are found from a moment back, until they are forgotten.
pub async fn states_of_policies_are_found_from_a_moment_back(store: &dyn Store) {
    let mut batch = WriteBatch::default();
    for row in [
        ("a", 10, "1"),
        ("b", 15, "2"),
        ("a", 20, "3"),
        ("a", 30, "4"),
    ] {
        batch.policy_log.rows.push(logged(row.0, row.1, row.2));
    }
    store.write(&batch).await.unwrap();
    let at = |at| Timestamp::from_millisecond(at).unwrap();
    let before = async |moment, max| store.policy_log("a", at(moment), max).await.unwrap();
    assert_eq!(before(30, 1).await, [logged("a", 20, "3")]);
    let all = [
        logged("a", 30, "4"),
        logged("a", 20, "3"),
        logged("a", 10, "1"),
    ];
    assert_eq!(before(31, 9).await, all);
    assert_eq!(before(10, 9).await, []);
    let mut again = WriteBatch::default();
    again.policy_log.rows.push(logged("a", 30, "5"));
    again.policy_log.forget = Some(20);
    store.write(&again).await.unwrap();
    assert_eq!(
        before(31, 9).await,
        [logged("a", 30, "5"), logged("a", 20, "3")]
    );
}
