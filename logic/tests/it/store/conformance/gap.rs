//! Requirements on every store: a ledger that lacks something.

use utakata_logic::store::{Error, Store, WriteBatch};

use super::{audit, operation, planned, tasks};

/// A gap is known until a page closes it; no page is written after a missing one.
pub async fn a_gap_is_known_until_a_page_closes_it(store: &dyn Store) {
    let page = |number| WriteBatch {
        audit: Some(audit(number)),
        ..WriteBatch::default()
    };
    assert!(!store.gap().await.unwrap());
    store.write(&page(1)).await.unwrap();
    store.put_gap().await.unwrap();
    store.put_gap().await.unwrap();
    store.write(&page(2)).await.unwrap();
    assert!(store.gap().await.unwrap());

    let operation = operation();
    let after = WriteBatch {
        audit: Some(audit(4)),
        closes_gap: true,
        ..planned(&operation, &tasks(&operation, 1))
    };
    let error = store.write(&after).await.unwrap_err();
    assert!(matches!(error, Error::Lost { page: 3, .. }), "{error}");
    assert!(store.operation(operation.id).await.unwrap().is_none());
    assert!(store.gap().await.unwrap());
    let next = WriteBatch {
        audit: Some(audit(3)),
        ..after
    };
    store.write(&next).await.unwrap();
    assert!(!store.gap().await.unwrap());
}
