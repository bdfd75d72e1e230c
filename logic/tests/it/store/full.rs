//! A store whose disk fills up: what it reports as written is stored, and nothing else.

use std::sync::Arc;

use jiff::Timestamp;
use utakata_logic::store::{Error, PeopleChange, PrincipalRow, Store, TaskFilter, WriteBatch};
use utakata_model::{OperationId, PersonName};
use utakata_tests::disk::SmallDisk;

use super::conformance::{audit, operation, planned, put, tasks};

const TARGETS: usize = 400;

/// Writes everything that a store keeps, and remembers what was confirmed.
struct Witness {
    store: Arc<dyn Store>,
    page: u64,
    operations: Vec<OperationId>,
    refused: Vec<OperationId>,
    people: usize,
    targets: usize,
}

impl Witness {
    async fn page(&mut self, count: usize) -> Result<(), Error> {
        let operation = operation();
        let page = WriteBatch {
            audit: Some(audit(self.page + 1)),
            ..planned(&operation, &tasks(&operation, count))
        };
        let written = self.store.write(&page).await;
        match &written {
            Ok(()) => {
                self.page += 1;
                self.operations.push(operation.id);
            }
            Err(error) => {
                assert!(matches!(error, Error::Full { .. }), "{error}");
                self.refused.push(operation.id);
            }
        }
        written
    }

    async fn person(&mut self) -> Result<(), Error> {
        let row = PrincipalRow {
            name: PersonName::new(format!("p{}", self.people)).unwrap(),
            service: false,
            made: Timestamp::now(),
            by: PersonName::admin(),
            link: None,
        };
        let change = PeopleChange::PutPrincipal(row);
        self.store.change_people(&[change]).await?;
        self.people += 1;
        Ok(())
    }

    async fn target(&mut self) -> Result<(), Error> {
        let more = put(&format!("t{}", self.targets));
        self.store.change(&[more]).await?;
        self.targets += 1;
        Ok(())
    }

    /// Does each kind of write once; returns whether a page was refused.
    async fn all(&mut self, count: usize) -> bool {
        let page = self.page(count).await;
        for done in [self.person().await, self.target().await] {
            assert!(matches!(done, Ok(()) | Err(Error::Full { .. })), "{done:?}");
        }
        page.is_err()
    }

    /// Checks that another process finds exactly what was acknowledged.
    async fn is_seen_by(&self, other: &dyn Store) {
        let head = other.audit_head().await.unwrap().unwrap();
        assert_eq!(head.page, self.page);
        for id in &self.operations {
            assert!(other.operation(*id).await.unwrap().is_some());
        }
        for id in &self.refused {
            assert!(other.operation(*id).await.unwrap().is_none());
        }
        let wanted = TaskFilter {
            operation: self.operations.last().copied(),
            ..TaskFilter::default()
        };
        assert!(!other.tasks(&wanted, 1).await.unwrap().is_empty());
        assert_eq!(other.people().await.unwrap().principals.len(), self.people);
        assert_eq!(other.inventory().await.unwrap().targets.len(), self.targets);
    }
}

/// Checks that writes around a full disk, again and again, are visible to others at once, and after
/// everything was closed.
pub async fn what_is_acknowledged_around_a_full_disk_is_there<S: Store>(
    open: impl AsyncFn() -> S,
    disk: &SmallDisk,
) {
    let store: Arc<dyn Store> = Arc::new(open().await);
    let targets: Vec<_> = (0..TARGETS).map(|at| put(&format!("t{at}"))).collect();
    store.change(&targets).await.unwrap();
    let mut witness = Witness {
        store: Arc::clone(&store),
        page: 0,
        operations: Vec::new(),
        refused: Vec::new(),
        people: 0,
        targets: TARGETS,
    };
    assert!(!witness.all(1).await, "there is room");
    for round in 0..3 {
        disk.fill().unwrap();
        let mut refused = 0;
        for at in 0..1000 {
            let count = if at % 3 == round { 300 } else { 1 };
            refused += usize::from(witness.all(count).await);
            if refused == 4 {
                break;
            }
        }
        assert_eq!(refused, 4, "the disk never was full");
        disk.clear().unwrap();
        assert!(!witness.all(1).await, "there is room again");
        let other = open().await;
        witness.is_seen_by(&other).await;
        other.close().await;
    }
    store.close().await;
    let after = open().await;
    witness.is_seen_by(&after).await;
    after.close().await;
}
