//! A batch as rows, the same for every database.

use std::collections::HashSet;

use utakata_model::TaskId;

use super::{
    ControlTask, Error, Place, TaskProgress, WriteBatch,
    packed::{self, Packed},
};

/// A batch as rows.
pub(super) struct Rows<'p> {
    pub audit: Option<NewPage<'p>>,
    pub operations: Vec<NewOperation<'p>>,
    pub operation_progress: Vec<OperationUpdate>,
    /// New tasks: their rows are built when needed, since there can be many.
    pub tasks: Vec<PendingTask<'p>>,
    /// The progress of existing tasks, likewise.
    pub task_progress: Vec<PendingUpdate<'p>>,
    pub locks: Vec<LockRow<'p>>,
}

/// A page of the audit trail.
pub(super) struct NewPage<'p> {
    pub number: u64,
    pub hash: &'p str,
    pub body: Packed<'p>,
}

/// The row of a new operation.
pub(super) struct NewOperation<'p> {
    pub id: String,
    pub body: String,
    pub key: Option<&'p str>,
    pub undoes: Option<String>,
}

/// The progress of an operation.
pub(super) struct OperationUpdate {
    pub id: String,
    pub progress: String,
    pub is_open: bool,
}

/// A new task with its progress.
#[derive(Clone, Copy)]
pub(super) struct PendingTask<'p> {
    task: &'p ControlTask,
    progress: Option<&'p TaskProgress>,
}

/// An existing task with its new progress.
#[derive(Clone, Copy)]
pub(super) struct PendingUpdate<'p> {
    id: TaskId,
    progress: &'p TaskProgress,
}

/// The row of a new task.
pub(super) struct NewTask<'p> {
    pub task: &'p ControlTask,
    pub operation: String,
    pub body: String,
    pub stands: TaskUpdate,
}

/// The part of a row that describes a task's progress.
pub(super) struct TaskUpdate {
    pub id: String,
    pub state: &'static str,
    pub progress: String,
    pub outcome: Option<String>,
}

/// A lock, or none.
pub(super) struct LockRow<'p> {
    pub target: &'p str,
    pub body: Option<String>,
}

impl<'p> Rows<'p> {
    pub fn of(batch: &'p WriteBatch, place: &Place) -> Result<Self, Error> {
        let inserted: HashSet<TaskId> = batch.tasks.iter().map(|task| task.id).collect();
        let changed = batch.task_progress.iter();
        let changed = changed.filter(|(id, _)| !inserted.contains(*id));
        Ok(Self {
            audit: audit(batch, place)?,
            operations: operations(batch, place)?,
            operation_progress: operation_progress(batch, place)?,
            tasks: planned(batch),
            task_progress: changed
                .map(|(id, progress)| PendingUpdate { id: *id, progress })
                .collect(),
            locks: locks(batch, place)?,
        })
    }
}

fn audit<'p>(batch: &'p WriteBatch, place: &Place) -> Result<Option<NewPage<'p>>, Error> {
    let audit = batch.audit.as_ref().map(|audit| {
        let body = packed::pack(&audit.body).map_err(serde_json::Error::io);
        Ok(NewPage {
            number: audit.page,
            hash: &audit.hash,
            body: body.map_err(|source| place.wrong("page of the audit trail", source))?,
        })
    });
    audit.transpose()
}

fn operations<'p>(batch: &'p WriteBatch, place: &Place) -> Result<Vec<NewOperation<'p>>, Error> {
    let new = batch.operations.iter().map(|(operation, key)| {
        Ok(NewOperation {
            id: operation.id.to_string(),
            body: place.json("operation", operation)?,
            key: key.as_deref(),
            undoes: operation.undoes.map(|undone| undone.to_string()),
        })
    });
    new.collect()
}

fn operation_progress(batch: &WriteBatch, place: &Place) -> Result<Vec<OperationUpdate>, Error> {
    let stands = batch.operation_progress.iter().map(|(id, progress)| {
        Ok(OperationUpdate {
            id: id.to_string(),
            progress: place.json("progress of an operation", progress)?,
            is_open: !progress.is_over,
        })
    });
    stands.collect()
}

fn planned(batch: &WriteBatch) -> Vec<PendingTask<'_>> {
    let tasks = batch.tasks.iter();
    let planned = tasks.map(|task| PendingTask {
        task,
        progress: batch.task_progress.get(&task.id),
    });
    planned.collect()
}

impl<'p> PendingTask<'p> {
    pub fn row(self, place: &Place) -> Result<NewTask<'p>, Error> {
        let stands = match self.progress {
            Some(progress) => stands(place, self.task.id, progress)?,
            None => stands(place, self.task.id, &TaskProgress::default())?,
        };
        Ok(NewTask {
            task: self.task,
            operation: self.task.operation.to_string(),
            body: place.json("task", self.task)?,
            stands,
        })
    }
}

impl PendingUpdate<'_> {
    pub fn row(self, place: &Place) -> Result<TaskUpdate, Error> {
        stands(place, self.id, self.progress)
    }
}

fn stands(place: &Place, id: TaskId, progress: &TaskProgress) -> Result<TaskUpdate, Error> {
    let outcome = progress.outcome.as_ref();
    let outcome = outcome.map(|outcome| place.json("outcome", outcome));
    Ok(TaskUpdate {
        id: id.to_string(),
        state: progress.state.as_str(),
        progress: place.json("progress of a task", progress)?,
        outcome: outcome.transpose()?,
    })
}

fn locks<'p>(batch: &'p WriteBatch, place: &Place) -> Result<Vec<LockRow<'p>>, Error> {
    let stands = batch.locks.iter().map(|(target, lock)| {
        let body = lock.as_ref().map(|lock| place.json("lock", lock));
        Ok(LockRow {
            target: target.as_str(),
            body: body.transpose()?,
        })
    });
    stands.collect()
}
