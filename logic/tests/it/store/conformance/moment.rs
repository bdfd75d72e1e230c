//! Rows read together are from the same moment.

use utakata_logic::store::{Store, WriteBatch};
use utakata_model::{OperationId, TaskState};

use super::{operation, planned, stands, tasks};

/// The number of tasks, and of changes to all of them.
const TASKS: usize = 20;
const CHANGES: usize = 60;

/// An operation and its tasks are read as of one moment, whoever writes meanwhile.
pub async fn an_operation_and_its_tasks_are_of_one_moment(store: &dyn Store) {
    let operation = operation();
    let tasks = tasks(&operation, TASKS);
    store.write(&planned(&operation, &tasks)).await.unwrap();
    let writes = async {
        for at in 0..CHANGES {
            let state = match at % 2 {
                0 => TaskState::Queued,
                _ => TaskState::Permitted,
            };
            let mut all = WriteBatch::default();
            for task in &tasks {
                all.task_progress.extend(stands(task, state).task_progress);
            }
            store.write(&all).await.unwrap();
        }
    };
    let looks = async {
        for _ in 0..CHANGES {
            let found = store
                .operation_with_tasks(operation.id, 1000)
                .await
                .unwrap();
            let (row, rows) = found.unwrap();
            let are = |state| {
                rows.iter()
                    .filter(|row| row.progress.state == state)
                    .count() as u64
            };
            let counts = (row.counts.queued, row.counts.permitted);
            let shown = (are(TaskState::Queued), are(TaskState::Permitted));
            assert_eq!(counts, shown);
            let ids = rows.iter().map(|row| row.task.id);
            assert!(ids.eq(tasks.iter().map(|task| task.id)), "oldest first");
        }
    };
    tokio::join!(writes, looks);
    let (_, last) = store
        .operation_with_tasks(operation.id, 3)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        last.last().map(|row| row.task.id),
        tasks.last().map(|task| task.id)
    );
    assert_eq!(last.len(), 3);
    let none = store.operation_with_tasks(OperationId::generate(), 3).await;
    assert!(none.unwrap().is_none());
}
