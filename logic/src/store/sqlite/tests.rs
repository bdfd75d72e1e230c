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
    tasks_stand_where_they_were_written,
    a_page_that_cannot_be_written_leaves_nothing,
    the_audit_trail_comes_in_its_order,
    locks_and_open_operations_come_back,
    lists_come_newest_first,
    readings_are_those_of_targets_that_are_there,
    people_are_those_that_were_written,
    orders_are_those_that_were_written
);
