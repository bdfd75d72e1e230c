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
    /// New tasks: their rows are made when it is their turn, for there can be many.
    pub tasks: Vec<Planned<'p>>,
    /// Where tasks stand that were there before, likewise.
    pub task_progress: Vec<Progressed<'p>>,
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

/// A task that is new, and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Planned<'p> {
    task: &'p ControlTask,
    progress: Option<&'p TaskProgress>,
}

/// A task that was there before, and where it stands now.
#[derive(Clone, Copy)]
pub(super) struct Progressed<'p> {
    id: TaskId,
    progress: &'p TaskProgress,
}

/// The row of a task that is new.
pub(super) struct NewTask<'p> {
    pub task: &'p ControlTask,
    pub operation: String,
    pub body: String,
    pub stands: TaskStands,
}

/// The part of a row that says where a task stands.
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
            tasks: planned(page),
            task_progress: changed
                .map(|(id, progress)| Progressed { id: *id, progress })
                .collect(),
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

fn planned(page: &Page) -> Vec<Planned<'_>> {
    let tasks = page.tasks.iter();
    let planned = tasks.map(|task| Planned {
        task,
        progress: page.task_progress.get(&task.id),
    });
    planned.collect()
}

impl<'p> Planned<'p> {
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

impl Progressed<'_> {
    pub fn row(self, place: &Place) -> Result<TaskStands, Error> {
        stands(place, self.id, self.progress)
    }
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
