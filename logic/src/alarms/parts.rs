//! The parts from which the alarms are built.

use std::{path::PathBuf, sync::Arc};

use tokio::sync::watch;
use utakata_interconnect::Events;

use super::trouble::Troubles;
use crate::{
    config, dispatch::Dispatch, duties::Duties, inventory::Inventory, ledger::Ledger,
    observe::Observe, store::Store,
};

/// The parts from which the alarms are built. Cheap to clone.
#[derive(Clone)]
pub struct Parts {
    pub store: Arc<dyn Store>,
    pub ledger: Ledger,
    pub inventory: Arc<Inventory>,
    pub observe: Arc<Observe>,
    pub dispatch: Arc<Dispatch>,
    pub events: Arc<dyn Events>,
    pub duties: watch::Receiver<Duties>,
    /// The folder whose free space is watched.
    pub folder: Option<PathBuf>,
    /// The channels out.
    pub channels: config::Alarms,
    /// The last error of each of them, as long as it lasts.
    pub failing: Arc<Troubles>,
}
