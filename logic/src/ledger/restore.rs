//! The restoration of what an earlier life of the logic environment has left in the store.

use std::sync::Arc;

use utakata_model::{TaskId, TaskState};

use super::{entry::TaskEntry, service::now, state::LedgerState};
use crate::{
    config,
    dispatch::{Progress, Show},
    pace::{Ending, Paced, PacedState},
    store::{self, Store, TaskFilter, TaskRow},
};

/// Fills the ledger with all operations that are not over, and their tasks.
///
/// If the store may lack what was done since its last page, every task that has not ended may have
/// been done, and much may have been requested after it: none is begun, whatever its action
/// declares, before a person has settled it.
///
/// # Errors
/// The store cannot be read.
pub(super) async fn restore(
    ledger: &mut LedgerState,
    store: &dyn Store,
    config: &config::Control,
) -> Result<(), store::Error> {
    // Identifiers are ordered as in the ledger, even if a clock was ahead meanwhile.
    if let Some(newest) = store.operations(None, 1).await?.first() {
        newest.operation.id.is_past();
    }
    if let Some(newest) = store.tasks(&TaskFilter::default(), 1).await?.first() {
        newest.task.id.is_past();
    }
    ledger.restore_gate(store.gate().await?);
    let gap = store.gap().await?;
    let mut doubted = Vec::new();
    for (target, lock) in store.locks().await? {
        ledger.keep(&target, lock);
    }
    for (operation, record) in store.open_operations().await? {
        let mut rows = store.tasks_of(operation.id).await?;
        if gap {
            doubted.extend(rows.iter_mut().filter_map(doubt));
        }
        // Whoever waits for it was told of those that have ended, and of those that a person has.
        let left = rows.iter().filter(|row| is_under_way(row.progress.state));
        let progress = Arc::new(Progress::new(left.count(), Show::Counts));
        let tasks = rows.into_iter().map(|row| task(row, config));
        ledger.restore(operation, record, tasks.collect(), progress);
    }
    ledger.end_acts_of_no_task();
    if gap {
        tracing::warn!(
            tasks = doubted.len(),
            "the ledger may lack what was done after its last page: what has not ended in it is \
             left to a person"
        );
        ledger.begin_after_a_gap(&doubted);
    }
    ledger.settle();
    Ok(())
}

fn is_under_way(state: TaskState) -> bool {
    !state.is_final() && state != TaskState::Unsettled
}

/// Leaves a task that has not ended to a person.
fn doubt(row: &mut TaskRow) -> Option<TaskId> {
    let progress = &mut row.progress;
    if progress.state.is_final() {
        return None;
    }
    progress.state = TaskState::Unsettled;
    progress.late = None;
    progress.is_in_doubt = true;
    Some(row.task.id)
}

fn task(row: TaskRow, config: &config::Control) -> (TaskEntry, Paced, PacedState) {
    let now = now();
    let paced = Paced {
        id: row.task.id,
        values: row.task.paced.clone(),
    };
    let ending = match row.progress.state {
        TaskState::Succeeded => Some(Ending::Good),
        TaskState::Failed | TaskState::Expired => Some(Ending::Bad),
        TaskState::Cancelled => Some(Ending::Withdrawn),
        _ => None,
    };
    let standing = match ending {
        Some(ending) => PacedState::Ended(ending),
        None if row.progress.state == TaskState::Unsettled => PacedState::Unsettled,
        None if row.progress.expires.is_some() => PacedState::Released,
        None => PacedState::Waiting,
    };
    let entry = TaskEntry::restored(row.task, row.progress, config, now.instant, now.at);
    (entry, paced, standing)
}
