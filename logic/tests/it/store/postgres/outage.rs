//! PostgreSQL is killed, stopped and restarted: what was written is there.

use std::sync::Arc;

use utakata_logic::store::{Audit, Error, Ledger, WriteBatch, postgres::Postgres as PostgresStore};
use utakata_tests::{
    servers::Postgres,
    wait::{soon, until},
};

use super::{super::conformance, open};

/// The n-th page: an operation with its tasks.
pub(super) fn page(number: u64) -> WriteBatch {
    let operation = conformance::operation();
    let tasks = conformance::tasks(&operation, 20);
    WriteBatch {
        audit: Some(conformance::audit(number)),
        ..conformance::planned(&operation, &tasks)
    }
}

/// Returns what is read as soon as the server answers: right after a crash it may end its
/// connections once more.
async fn read<T>(what: impl AsyncFn() -> Result<T, Error>) -> T {
    let mut found = None;
    until("the store can be read", async || match what().await {
        Ok(read) => {
            found = Some(read);
            true
        }
        Err(Error::Away { .. }) => false,
        Err(error) => panic!("{error}"),
    })
    .await;
    found.unwrap()
}

/// Returns true if a page exists; it does so completely or not at all.
pub(super) async fn is_there(store: &PostgresStore, page: &WriteBatch) -> bool {
    let operation = page.operations[0].0.id;
    let tasks = read(async || store.tasks_of(operation).await).await.len();
    let audit = page.audit.as_ref().unwrap();
    let found = read(async || store.audit(audit.page, 1).await).await;
    let is_there = found.first() == Some(audit);
    let row = read(async || store.operation(operation).await).await;
    assert_eq!(row.is_some(), is_there, "half a page");
    assert_eq!(tasks, if is_there { 20 } else { 0 }, "half a page");
    is_there
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_is_there_after_postgres_was_killed() {
    let mut server = Postgres::start().unwrap();
    let store = Arc::new(open(&server.database().unwrap()).await.unwrap());
    let (mut written, mut number) = (Vec::new(), 1);
    for _ in 0..3 {
        let (pages, seen) = tokio::sync::watch::channel(0_usize);
        let writer = tokio::spawn(write_until_it_fails(Arc::clone(&store), number, pages));
        let mut seen = seen;
        let enough = seen.wait_for(|count| *count >= 20);
        drop(soon("twenty pages are written", enough).await.unwrap());
        server.kill().unwrap();
        let (done, (tried, error)) = writer.await.unwrap();
        written.extend(done);
        server.start_again().unwrap();
        // Writing the same again settles what was unknown.
        let was_there = is_there(&store, &tried).await;
        assert!(
            !was_there || matches!(error, Error::InDoubt { .. }),
            "{error}"
        );
        store.write(&tried).await.unwrap();
        number = tried.audit.as_ref().unwrap().page + 1;
        written.push(tried);
        for page in &written {
            assert!(is_there(&store, page).await);
        }
    }
    let head = store.audit_head().await.unwrap().unwrap();
    assert_eq!(head.page as usize, written.len());
}

async fn write_until_it_fails(
    store: Arc<PostgresStore>,
    first: u64,
    pages: tokio::sync::watch::Sender<usize>,
) -> (Vec<WriteBatch>, (WriteBatch, Error)) {
    let mut written = Vec::new();
    for number in first.. {
        let page = page(number);
        match store.write(&page).await {
            Ok(()) => written.push(page),
            Err(error) => return (written, (page, error)),
        }
        pages.send_replace(written.len());
    }
    unreachable!()
}

#[tokio::test]
async fn a_store_continues_after_postgres_was_started_again() {
    let mut server = Postgres::start().unwrap();
    let store = open(&server.database().unwrap()).await.unwrap();
    store.write(&page(1)).await.unwrap();
    server.kill().unwrap();
    let error = soon("it is said", store.write(&page(2))).await.unwrap_err();
    assert!(matches!(error, Error::Away { .. }), "{error}");
    server.start_again().unwrap();
    store.write(&page(2)).await.unwrap();

    // Restarted while there are no requests.
    server.kill().unwrap();
    server.start_again().unwrap();
    store.write(&page(3)).await.unwrap();
    assert_eq!(store.audit_head().await.unwrap().unwrap().page, 3);
}

#[tokio::test]
async fn a_database_that_hangs_is_given_up_and_used_again() {
    let server = Postgres::start().unwrap();
    let store = open(&server.database().unwrap()).await.unwrap();
    store.write(&page(1)).await.unwrap();
    server.server().pause().unwrap();
    // It hangs all the while.
    let error = soon("it is given up", store.audit_head())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Away { .. }), "{error}");
    server.server().resume().unwrap();
    assert_eq!(store.audit_head().await.unwrap().unwrap().page, 1);
}
