//! Observe: what is seen by schedules and by reads on demand, and the last readings.

mod latest;
mod on_demand;
mod operations;
mod schedules;
mod seen;
mod stale;
mod timetable;

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;
use utakata_model::{OperationId, Problem};

pub use latest::Latest;
pub use on_demand::{Error, WAIT_MAX};
pub use operations::ReadOperation;
pub use seen::{Earlier, Seen, SeenBy};
pub use stale::{Covers, quality};

use self::operations::Recent;
use crate::{Config, dispatch::Dispatch, duties::Duties, inventory::Inventory, kinds::Kinds};

/// Observes. Cheap to share.
pub struct Observe {
    config: Config,
    dispatch: Arc<Dispatch>,
    inventory: Arc<Inventory>,
    kinds: Arc<Kinds>,
    /// Which targets are read by schedules here.
    duties: watch::Receiver<Duties>,
    recent: Mutex<Recent>,
    /// What schedules cannot do now.
    problems: Mutex<Vec<Problem>>,
}

impl Observe {
    /// With nothing under way.
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
        }
    }

    /// What schedules cannot do now, and why.
    pub fn problems(&self) -> Vec<Problem> {
        self.problems.lock().clone()
    }

    /// A read on demand, while it is remembered.
    pub fn operation(&self, id: OperationId) -> Option<Arc<ReadOperation>> {
        self.recent.lock().find(id)
    }

    /// Reads on demand that are remembered, newest first, those before `before` if given.
    pub fn operations(&self, before: Option<OperationId>, most: usize) -> Vec<Arc<ReadOperation>> {
        self.recent.lock().list(before, most)
    }
}
