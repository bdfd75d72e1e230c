//! SQLite keeps the promises of a store.

use utakata_logic::store::sqlite::Sqlite;

use super::conformance;

macro_rules! conforms {
    ($($promise:ident),* $(,)?) => {
        $(#[tokio::test]
        async fn $promise() {
            let folder = tempfile::tempdir().unwrap();
            let store = Sqlite::open(folder.path().join("store")).await.unwrap();
            conformance::$promise(&store).await;
        })*
    };
}

conformance::promises!(conforms);
