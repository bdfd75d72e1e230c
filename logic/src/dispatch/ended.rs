//! Reads that have ended: the last ones are remembered, in memory.

use std::{collections::VecDeque, sync::Arc};

use utakata_model::TaskId;

use super::{Batch, OutcomeRef};
use crate::inventory::TargetEntry;

/// A read that has ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The task.
    pub id: TaskId,
    /// What it shares with others.
    pub batch: Arc<Batch>,
    /// Its target.
    pub known: Arc<TargetEntry>,
    /// How it ended.
    pub outcome: OutcomeRef,
}

/// The last of them; the oldest goes when it is full.
#[derive(Debug)]
pub(super) struct Ring {
    ended: VecDeque<Ended>,
    most: usize,
}

impl Ring {
    pub fn new(most: usize) -> Self {
        Self {
            ended: VecDeque::new(),
            most,
        }
    }

    pub fn push(&mut self, ended: Vec<Ended>) {
        let skip = ended.len().saturating_sub(self.most);
        let room = self.most - (ended.len() - skip);
        while self.ended.len() > room {
            self.ended.pop_front();
        }
        self.ended.extend(ended.into_iter().skip(skip));
    }

    pub fn newest_first(&self) -> impl Iterator<Item = &Ended> {
        self.ended.iter().rev()
    }
}
