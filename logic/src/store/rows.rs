//! A page as the rows that it becomes, the same ones in every database.

use std::collections::HashSet;

use utakata_model::TaskId;

use super::{
    ControlTask, Error, Page, Place, TaskProgress,
    packed::{self, Packed},
};

/// A page as the rows that it becomes.
pub(super) struct Rows<'p> {
    pub audit: Option<NewPage<'p>>,
    pub operations: Vec<NewOperation<'p>>,
    pub operation_progress: Vec<OperationStands>,
    pub tasks: Vec<NewTask<'p>>,
    /// Of tasks that were there before.
    pub task_progress: Vec<TaskStands>,
    pub locks: Vec<LockStands<'p>>,
}

/// A page of the audit trail.
pub(super) struct NewPage<'p> {
    pub number: i64,
    pub hash: &'p str,
    pub body: Packed<'p>,
}

/// An operation that is new.
pub(super) struct NewOperation<'p> {
    pub id: String,
    pub body: String,
    pub key: Option<&'p str>,
    pub undoes: Option<String>,
}

/// Where an operation stands.
pub(super) struct OperationStands {
    pub id: String,
    pub progress: String,
    pub is_open: bool,
}

/// A task that is new.
pub(super) struct NewTask<'p> {
    pub task: &'p ControlTask,
    pub operation: String,
    pub body: String,
    pub stands: TaskStands,
}

/// Where a task stands.
pub(super) struct TaskStands {
    pub id: String,
    pub state: &'static str,
    pub progress: String,
    pub outcome: Option<String>,
}

/// A lock, or none.
pub(super) struct LockStands<'p> {
    pub target: &'p str,
    pub body: Option<String>,
}

impl<'p> Rows<'p> {
    pub fn of(page: &'p Page, place: &Place) -> Result<Self, Error> {
        let inserted: HashSet<TaskId> = page.tasks.iter().map(|task| task.id).collect();
        let changed = page.task_progress.iter();
        let changed = changed.filter(|(id, _)| !inserted.contains(*id));
        Ok(Self {
            audit: audit(page, place)?,
            operations: operations(page, place)?,
            operation_progress: operation_progress(page, place)?,
            tasks: tasks(page, place)?,
            task_progress: changed
                .map(|(id, progress)| stands(place, *id, progress))
                .collect::<Result<_, _>>()?,
            locks: locks(page, place)?,
        })
    }
}

fn audit<'p>(page: &'p Page, place: &Place) -> Result<Option<NewPage<'p>>, Error> {
    let audit = page.audit.as_ref().map(|audit| {
        let body = packed::pack(&audit.body).map_err(serde_json::Error::io);
        Ok(NewPage {
            number: i64::try_from(audit.page).unwrap_or(i64::MAX),
            hash: &audit.hash,
            body: body.map_err(|source| place.wrong("page of the audit trail", source))?,
        })
    });
    audit.transpose()
}

fn operations<'p>(page: &'p Page, place: &Place) -> Result<Vec<NewOperation<'p>>, Error> {
    let new = page.operations.iter().map(|(operation, key)| {
        Ok(NewOperation {
            id: operation.id.to_string(),
            body: place.json("operation", operation)?,
            key: key.as_deref(),
            undoes: operation.undoes.map(|undone| undone.to_string()),
        })
    });
    new.collect()
}

fn operation_progress(page: &Page, place: &Place) -> Result<Vec<OperationStands>, Error> {
    let stands = page.operation_progress.iter().map(|(id, progress)| {
        Ok(OperationStands {
            id: id.to_string(),
            progress: place.json("progress of an operation", progress)?,
            is_open: !progress.is_over,
        })
    });
    stands.collect()
}

fn tasks<'p>(page: &'p Page, place: &Place) -> Result<Vec<NewTask<'p>>, Error> {
    let new = page.tasks.iter().map(|task| {
        let stands = match page.task_progress.get(&task.id) {
            Some(progress) => stands(place, task.id, progress)?,
            None => stands(place, task.id, &TaskProgress::default())?,
        };
        Ok(NewTask {
            task,
            operation: task.operation.to_string(),
            body: place.json("task", task)?,
            stands,
        })
    });
    new.collect()
}

fn stands(place: &Place, id: TaskId, progress: &TaskProgress) -> Result<TaskStands, Error> {
    let outcome = progress.outcome.as_ref();
    let outcome = outcome.map(|outcome| place.json("outcome", outcome));
    Ok(TaskStands {
        id: id.to_string(),
        state: progress.state.as_str(),
        progress: place.json("progress of a task", progress)?,
        outcome: outcome.transpose()?,
    })
}

fn locks<'p>(page: &'p Page, place: &Place) -> Result<Vec<LockStands<'p>>, Error> {
    let stands = page.locks.iter().map(|(target, lock)| {
        let body = lock.as_ref().map(|lock| place.json("lock", lock));
        Ok(LockStands {
            target: target.as_str(),
            body: body.transpose()?,
        })
    });
    stands.collect()
}
