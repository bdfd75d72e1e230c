//! Requirements on every store: what was found by discovery.

use utakata_logic::store::Store;

/// A row replaces the one of its key, and is gone when it is deleted; both in one step.
pub async fn sightings_are_those_that_were_written_last(store: &dyn Store) {
    let row = |key: &str, body: &str| (key.to_owned(), body.to_owned());
    let first = [row("b", "{\"n\":1}"), row("a", "{}"), row("a", "{\"n\":2}")];
    store.change_sightings(&first, &[]).await.unwrap();
    let all = store.sightings().await.unwrap();
    assert_eq!(all, [row("a", "{\"n\":2}"), row("b", "{\"n\":1}")]);
    let gone = ["a".to_owned(), "never there".to_owned()];
    let second = [row("b", "{\"n\":3}"), row("c", "{}")];
    store.change_sightings(&second, &gone).await.unwrap();
    let all = store.sightings().await.unwrap();
    assert_eq!(all, [row("b", "{\"n\":3}"), row("c", "{}")]);
    store.change_sightings(&[], &[]).await.unwrap();
    assert_eq!(store.sightings().await.unwrap(), all);
}
