//! The memory of gates and policies.

use utakata_logic::store::{Store, WriteBatch};

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
