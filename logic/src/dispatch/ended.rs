//! Reads that have ended: the latest are remembered, in memory.

use std::{collections::VecDeque, sync::Arc};

use utakata_model::TaskId;

use super::{Batch, OutcomeRef};
use crate::inventory::TargetEntry;

/// A read that has ended.
#[derive(Debug, Clone)]
pub struct EndedRead {
    pub id: TaskId,
    /// The part that it shares with others.
    pub batch: Arc<Batch>,
    pub known: Arc<TargetEntry>,
    pub outcome: OutcomeRef,
}

/// The latest ended reads; the oldest is dropped when it is full.
#[derive(Debug)]
pub(super) struct Ring {
    ended: VecDeque<EndedRead>,
    max: usize,
}

impl Ring {
    pub fn new(max: usize) -> Self {
        Self {
            ended: VecDeque::new(),
            max,
        }
    }

    pub fn push(&mut self, ended: Vec<EndedRead>) {
        let skip = ended.len().saturating_sub(self.max);
        let room = self.max - (ended.len() - skip);
        while self.ended.len() > room {
            self.ended.pop_front();
        }
        self.ended.extend(ended.into_iter().skip(skip));
    }

    pub fn newest_first(&self) -> impl Iterator<Item = &EndedRead> {
        self.ended.iter().rev()
    }
}
