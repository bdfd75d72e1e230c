//! Reads on demand that are remembered, in memory: the last ones.

use std::{collections::VecDeque, sync::Arc};

use utakata_model::{Operation, OperationId, TaskId};

use crate::{
    dispatch::{Batch, Progress},
    inventory::Known,
};

/// How many are remembered.
const REMEMBERED: usize = 1000;

/// A read on demand.
#[derive(Debug)]
pub struct ReadOperation {
    /// What was asked for.
    pub operation: Operation,
    /// How far it is.
    pub progress: Arc<Progress>,
    /// The tasks that the answer shows; none when nobody waits for them.
    pub tasks: Vec<TaskOfRead>,
}

/// A task of a read on demand.
#[derive(Debug, Clone)]
pub struct TaskOfRead {
    /// The task.
    pub id: TaskId,
    /// What it shares with others.
    pub batch: Arc<Batch>,
    /// Its target.
    pub known: Arc<Known>,
}

#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<Arc<ReadOperation>>);

impl Recent {
    /// Remembers it without its tasks: what came of them is the answer's, and large.
    pub fn push(&mut self, operation: &Arc<ReadOperation>) {
        if self.0.len() >= REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(Arc::clone(operation));
    }

    pub fn find(&self, id: OperationId) -> Option<Arc<ReadOperation>> {
        let mut newest_first = self.0.iter().rev();
        newest_first.find(|one| one.operation.id == id).cloned()
    }
}
