//! Several logic environments and one database: the holder of the ledger's lease writes it.

use std::{sync::Arc, time::Duration};

use utakata_logic::store::{
    Audit, AuditPage, Error, Fence, Lease, Ledger, WriteBatch, postgres::Postgres as PostgresStore,
};
use utakata_model::{EnvironmentId, Incarnation};
use utakata_tests::servers::Postgres;

use super::{
    super::conformance::{self, lease},
    open,
};

const TURNS: u64 = 30;

fn page(number: u64, lease: &Lease) -> WriteBatch {
    let operation = conformance::operation();
    let tasks = conformance::tasks(&operation, 5);
    let fence = Fence {
        lease: lease.name.clone(),
        by: lease.held.as_ref().unwrap().by.clone(),
        epoch: lease.epoch,
    };
    WriteBatch {
        audit: Some(AuditPage {
            hash: format!("{number} of {}", operation.id),
            ..conformance::audit(number)
        }),
        under: Some(fence),
        ..conformance::planned(&operation, &tasks)
    }
}

/// Takes the ledger when it is free, and writes until it has lost it, repeatedly.
async fn write_in_turns(store: Arc<PostgresStore>, name: &str) -> u64 {
    let me = utakata_logic::store::Member {
        environment: EnvironmentId::new(name).unwrap(),
        incarnation: Incarnation::generate(),
    };
    let wanted = lease::wants(&me, Duration::from_millis(20), &["ledger"]);
    let mut written = 0;
    loop {
        let lease = lease::take(store.as_ref(), &wanted, "ledger").await;
        if lease.epoch > TURNS {
            return written;
        }
        // What is read under the lease is what the last holder left: nobody else writes.
        let head = store.audit_head().await.unwrap();
        let first = head.map_or(1, |head| head.page + 1);
        for number in first.. {
            match store.write(&page(number, &lease)).await {
                Ok(()) => written += 1,
                Err(Error::NotHolder { .. }) => break,
                Err(error) => panic!("{name}: {error}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_holder_of_the_lease_writes_the_ledger_however_often_it_changes_hands() {
    let server = Postgres::start().unwrap();
    let url = server.database().unwrap();
    let mut writers = Vec::new();
    for name in ["a", "b", "c"] {
        let store = Arc::new(open(&url).await.unwrap());
        writers.push(tokio::spawn(
            async move { write_in_turns(store, name).await },
        ));
    }
    let mut written = 0;
    for writer in writers {
        written += writer.await.unwrap();
    }
    let pages = server.sql("test_0", "SELECT COUNT(*), MAX(page) FROM audit");
    assert_eq!(pages.unwrap(), format!("{written}|{written}"));
}
