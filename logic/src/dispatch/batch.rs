//! Tasks that were made together, and the data that they share.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::Instant;
use utakata_model::{ActionName, Class, Origin, Parameters, Task, TaskId};

use super::Progress;
use crate::inventory::TargetEntry;

/// The data shared by tasks that were made together, so that none has to own it.
#[derive(Debug)]
pub struct Batch {
    /// The origin of the tasks.
    pub origin: Origin,
    pub action: ActionName,
    /// The class of the action.
    pub class: Class,
    pub parameters: Parameters,
    /// The time that an attempt may take.
    pub timeout: Duration,
    /// The time at which they were made.
    pub made: Timestamp,
    /// The time after which they are not begun.
    pub expires: Timestamp,
    /// The moment at which they are given up without an outcome.
    pub deadline: Instant,
    /// The progress that somebody follows.
    pub progress: Option<Arc<Progress>>,
}

/// A read of a batch before it is dispatched.
#[derive(Debug, Clone)]
pub struct NewRead {
    pub id: TaskId,
    pub known: Arc<TargetEntry>,
    /// The slot that it frees when it ends.
    pub slot: Option<Arc<Slot>>,
}

impl NewRead {
    /// Creates a new task for a target.
    pub fn new(known: &Arc<TargetEntry>) -> Self {
        Self {
            id: TaskId::generate(),
            known: Arc::clone(known),
            slot: None,
        }
    }
}

impl Batch {
    /// Returns a task of the batch, as published.
    pub fn task(&self, made: &NewRead) -> Task {
        Task {
            id: made.id,
            attempt: 1,
            origin: self.origin.clone(),
            target: Arc::clone(&made.known.target),
            credential: made.known.for_task(),
            action: self.action.clone(),
            class: self.class,
            parameters: self.parameters.clone(),
            timeout: self.timeout,
            expires: self.expires,
        }
    }
}

/// A slot for one read at a time: while it is taken, the next one is left out.
#[derive(Debug, Default)]
pub struct Slot(AtomicBool);

impl Slot {
    /// Takes the slot, unless it is taken.
    pub fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }

    /// Frees the slot.
    pub fn free(&self) {
        self.0.store(false, Ordering::Release);
    }
}
