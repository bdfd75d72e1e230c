//! The latest reads on demand, remembered in memory.

use std::{collections::VecDeque, sync::Arc};

use utakata_model::{Operation, OperationId};

use crate::dispatch::Progress;

/// The number of reads that are remembered.
const REMEMBERED: usize = 1000;

/// A read on demand.
#[derive(Debug)]
pub struct ReadOperation {
    pub operation: Operation,
    pub progress: Arc<Progress>,
}

#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<Arc<ReadOperation>>);

impl Recent {
    pub fn push(&mut self, operation: &Arc<ReadOperation>) {
        if self.0.len() >= REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(Arc::clone(operation));
    }

    /// Returns the newest of them, those before `before` if given.
    pub fn list(&self, before: Option<OperationId>, max: usize) -> Vec<Arc<ReadOperation>> {
        let newest_first = self.0.iter().rev();
        let wanted = newest_first.filter(|one| before.is_none_or(|id| one.operation.id < id));
        wanted.take(max).cloned().collect()
    }

    pub fn find(&self, id: OperationId) -> Option<Arc<ReadOperation>> {
        let mut newest_first = self.0.iter().rev();
        newest_first.find(|one| one.operation.id == id).cloned()
    }
}
