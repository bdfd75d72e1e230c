//! SQLite keeps the promises of a store.

use super::Sqlite;
use crate::store::conformance;

macro_rules! conforms {
    ($($promise:ident),*) => {
        $(#[tokio::test]
        async fn $promise() {
            let folder = tempfile::tempdir().unwrap();
            let store = Sqlite::open(folder.path().join("store")).await.unwrap();
            conformance::$promise(&store).await;
        })*
    };
}

conforms!(
    the_inventory_is_what_was_written,
    an_outcome_is_written_once,
    lists_come_newest_first,
    readings_are_those_of_targets_that_are_there
);
