//! The links from one process to the others.

use std::sync::Arc;

use utakata_interconnect::{
    Events, Tasks,
    connection::Health,
    events::bus::{self, Bus},
    tasks::embedded::{self, Embedded},
};

use utakata_logic::signatures::SiteSignatures;

/// The queues and events of a process, and the state of its connections.
pub struct Links {
    pub tasks: Arc<dyn Tasks>,
    pub events: Arc<dyn Events>,
    /// The signatures of a logic environment whose messages cross a network.
    pub signatures: Option<Arc<SiteSignatures>>,
    /// The connections to the hub, or to brokers.
    pub connections: Vec<Health>,
    /// True if events have a broker already: none of our own is needed.
    pub has_broker: bool,
}

impl Links {
    /// Creates links within one process.
    pub fn embedded() -> Self {
        Self {
            tasks: Arc::new(Embedded::new(embedded::Config::default())),
            events: Arc::new(Bus::new(bus::Config::default())),
            signatures: None,
            connections: Vec::new(),
            has_broker: false,
        }
    }
}
