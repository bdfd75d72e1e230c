//! Requirements on every store: notifications of devices.

use jiff::Timestamp;
use utakata_logic::store::Store;
use utakata_model::{Notification, Zone};

fn notification(source: u8, key: &str, last: i64, count: u64) -> Notification {
    let last = Timestamp::from_second(last).unwrap();
    Notification {
        target: None,
        zone: Zone::default(),
        source: [10, 0, 0, source].into(),
        name: "linkDown".into(),
        key: key.into(),
        values: Vec::new(),
        first: last,
        last,
        count,
        proven: false,
    }
}

/// A notification replaces the one with the same source and key, and the old ones can be dropped.
pub async fn notifications_are_those_that_were_written_last(store: &dyn Store) {
    let one = notification(1, "linkDown.1", 100, 1);
    let other = notification(2, "linkDown.1", 200, 1);
    store
        .put_notifications(&[one.clone(), other.clone()])
        .await
        .unwrap();
    let again = notification(1, "linkDown.1", 300, 2);
    store
        .put_notifications(std::slice::from_ref(&again))
        .await
        .unwrap();
    assert_eq!(store.notifications().await.unwrap(), [again.clone(), other]);
    let before = Timestamp::from_second(300).unwrap();
    store.drop_notifications(before).await.unwrap();
    assert_eq!(store.notifications().await.unwrap(), [again]);
}
