//! The parts from which the alarms are built.

use std::{path::PathBuf, sync::Arc};

use tokio::sync::watch;
use utakata_interconnect::Events;

use crate::{
    dispatch::{Dispatch, Failing},
    duties::Duties,
    inventory::Inventory,
    ledger::Ledger,
    observe::Observe,
    store::Store,
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
    /// The URLs to which alarms are sent.
    pub webhooks: Vec<String>,
    /// The last error of sending them, as long as it lasts.
    pub failing: Arc<Failing>,
}
