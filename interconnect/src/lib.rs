//! Inter connect: moves tasks and events between the boxes, and decides nothing.

pub mod admission;
pub mod clock;
pub mod conformance;
pub mod connection;
pub mod events;
pub mod faulty;
pub mod hub;
pub mod mqtt;
pub mod tasks;
pub mod wire;

pub use events::{Event, Events, Interest, OutcomeBatch, Subscription, Zones};
pub use hub::{Hub, HubClient};
pub use tasks::{Consumer, Delivery, Refusal, Tag, Tasks};

use thiserror::Error;

/// Why the inter connect could not do as asked. Every one may pass: try again with back-off.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// It was shut down, or the connection is lost for good.
    #[error("the inter connect is closed")]
    Closed,
    /// It is not reachable now.
    #[error("the inter connect cannot be reached: {reason}")]
    Away {
        /// What was seen.
        reason: String,
    },
}
