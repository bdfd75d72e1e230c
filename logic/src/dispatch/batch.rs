//! Tasks that were made together, and what they share.

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

/// What tasks that were made together share, so that none has to own it.
#[derive(Debug)]
pub struct Batch {
    /// Why there are such tasks.
    pub origin: Origin,
    /// What is to be done.
    pub action: ActionName,
    /// Whether that only looks, or changes something.
    pub class: Class,
    /// With which parameters.
    pub parameters: Parameters,
    /// How long an attempt may take.
    pub timeout: Duration,
    /// When they were made.
    pub made: Timestamp,
    /// They are not begun after this.
    pub expires: Timestamp,
    /// Without an outcome they are given up at this.
    pub deadline: Instant,
    /// Who follows how far they are.
    pub progress: Option<Arc<Progress>>,
}

/// One task of a batch, before it is handed over.
#[derive(Debug, Clone)]
pub struct Made {
    /// Its identifier.
    pub id: TaskId,
    /// Its target.
    pub known: Arc<TargetEntry>,
    /// What it frees when it ends.
    pub slot: Option<Arc<Slot>>,
}

impl Made {
    /// A new task for a target.
    pub fn new(known: &Arc<TargetEntry>) -> Self {
        Self {
            id: TaskId::generate(),
            known: Arc::clone(known),
            slot: None,
        }
    }
}

impl Batch {
    /// How a task of it travels.
    pub fn task(&self, made: &Made) -> Task {
        Task {
            id: made.id,
            attempt: 1,
            origin: self.origin.clone(),
            target: Arc::clone(&made.known.target),
            credential: made.known.credential.clone(),
            action: self.action.clone(),
            class: self.class,
            parameters: self.parameters.clone(),
            timeout: self.timeout,
            expires: self.expires,
        }
    }
}

/// A place for one read at a time: while it is taken, the next one is left out.
#[derive(Debug, Default)]
pub struct Slot(AtomicBool);

impl Slot {
    /// Takes it, unless it is taken.
    pub fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }

    /// Frees it.
    pub fn free(&self) {
        self.0.store(false, Ordering::Release);
    }
}
