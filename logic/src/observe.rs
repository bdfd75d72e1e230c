//! Observation: reads by schedule and on demand.

mod health;
mod on_demand;
mod operations;
mod read_plan;
mod schedules;
mod stale;

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;
use utakata_model::{OperationId, Problem, Selector};

pub use health::{Coverage, health};
pub use on_demand::{BegunRead, Error, KnownRead, WAIT_MAX};
pub use operations::ReadOperation;
pub use stale::{Covers, quality};

use self::operations::Recent;
use crate::{Config, dispatch::Dispatch, duties::Duties, inventory::Inventory, kinds::Kinds};

/// The observation of targets. Cheap to share.
pub struct Observe {
    config: Config,
    dispatch: Arc<Dispatch>,
    inventory: Arc<Inventory>,
    kinds: Arc<Kinds>,
    /// The duties; the schedules of their shards are read here.
    duties: watch::Receiver<Duties>,
    recent: Mutex<Recent>,
    /// The problems of schedules.
    problems: Mutex<Vec<Problem>>,
    /// The coverage by schedules, with the generations of the inventory and the kinds from which it
    /// was computed.
    coverage: Mutex<((u64, u64), Arc<Coverage>)>,
}

impl Observe {
    /// Creates the service, with nothing under way.
    pub fn new(
        config: Config,
        dispatch: Arc<Dispatch>,
        inventory: Arc<Inventory>,
        kinds: Arc<Kinds>,
        duties: watch::Receiver<Duties>,
    ) -> Self {
        Self {
            config,
            dispatch,
            inventory,
            kinds,
            duties,
            recent: Mutex::default(),
            problems: Mutex::default(),
            // No generation: it is computed at the first request.
            coverage: Mutex::new(((u64::MAX, u64::MAX), Arc::default())),
        }
    }

    /// Returns the targets that the schedules read, and their frequency: recomputed when the
    /// inventory or the kinds have changed.
    pub fn coverage(&self) -> Arc<Coverage> {
        let generation = (
            *self.inventory.follow().borrow(),
            *self.kinds.follow().borrow(),
        );
        let mut kept = self.coverage.lock();
        if kept.0 != generation {
            let select = |selector: &Selector| self.inventory.select(selector);
            let schedules = self.inventory.schedules();
            let coverage = Coverage::build(&schedules, &self.kinds.served(), select);
            *kept = (generation, Arc::new(coverage));
        }
        Arc::clone(&kept.1)
    }

    /// Returns the problems of schedules.
    pub fn problems(&self) -> Vec<Problem> {
        self.problems.lock().clone()
    }

    /// Returns a read on demand, while it is remembered.
    pub fn operation(&self, id: OperationId) -> Option<Arc<ReadOperation>> {
        self.recent.lock().find(id)
    }

    /// Returns the reads on demand that are remembered, newest first, those before `before` if
    /// given.
    pub fn operations(&self, before: Option<OperationId>, max: usize) -> Vec<Arc<ReadOperation>> {
        self.recent.lock().list(before, max)
    }
}
