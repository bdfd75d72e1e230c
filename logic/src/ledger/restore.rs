//! What an earlier life of the logic environment has left in the store is taken up.

use std::sync::Arc;

use utakata_model::TaskState;

use super::{
    book::Book,
    entry::Entry,
    pace::{Ending, Paced, Standing},
    service::now,
};
use crate::{
    config,
    dispatch::{Progress, Show},
    store::{self, Store, TaskRow, Wanted},
};

/// Fills the book with all operations that are not over, and their tasks.
///
/// # Errors
/// The store cannot be read.
pub(super) async fn restore(
    book: &mut Book,
    store: &dyn Store,
    config: &config::Control,
) -> Result<(), store::Error> {
    // The order of identifiers is that of the ledger, also where a clock was ahead meanwhile.
    if let Some(newest) = store.operations(None, 1).await?.first() {
        newest.operation.id.is_past();
    }
    if let Some(newest) = store.tasks(&Wanted::default(), 1).await?.first() {
        newest.task.id.is_past();
    }
    for (target, lock) in store.locks().await? {
        book.keep(&target, lock);
    }
    for (operation, record) in store.open_operations().await? {
        let rows = store.tasks_of(operation.id).await?;
        let progress = Arc::new(Progress::new(rows.len(), Show::Counts));
        let tasks = rows.into_iter().map(|row| task(row, config));
        book.restore(operation, record, tasks.collect(), progress);
    }
    book.settle();
    Ok(())
}

fn task(row: TaskRow, config: &config::Control) -> (Entry, Paced, Standing) {
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
        Some(ending) => Standing::Ended(ending),
        None if row.progress.state == TaskState::Unsettled => Standing::Unsettled,
        None if row.progress.expires.is_some() => Standing::Released,
        None => Standing::Waiting,
    };
    let entry = Entry::restored(row.task, row.progress, config, now.instant, now.at);
    (entry, paced, standing)
}
