//! Inter connect: moves tasks and events between the boxes, and decides nothing.

pub mod admission;
pub mod clock;
pub mod connection;
pub mod events;
pub mod hub;
pub mod message;
pub mod signatures;
pub mod tasks;
pub mod topic;

pub use events::{Event, Events, Interest, Subscription, Zones};
pub use hub::{Hub, HubClient};
pub use message::{
    Message,
    outcome::{OutcomeBatch, Sender},
};
pub use signatures::{Distrust, Signatures};
pub use tasks::{Consumer, Delivery, Refusal, Tag, Tasks};

use thiserror::Error;

/// An error of the inter connect. All of them may be temporary: try again with back-off.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// The inter connect was shut down, or the connection is lost for good.
    #[error("the inter connect is closed")]
    Closed,
    /// It cannot be reached at present.
    #[error("the inter connect cannot be reached: {reason}")]
    Away {
        /// The reason, in a sentence.
        reason: String,
    },
}
