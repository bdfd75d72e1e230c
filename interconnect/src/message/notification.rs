//! Datagrams that devices send unasked, and the replies that they await.
//!
//! ```text
//! device ── inform ──► environment ── Datagrams ──► logic environment: decoded, kept
//!        ◄─ response ──            ◄── Replies ──
//! ```
//!
//! Nothing here is repeated: a device whose inform was not answered sends it again, and a trap is
//! expendable. A reply is made only after what it acknowledges is in the store.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use utakata_model::{EnvironmentId, Notification, Zone};

use super::{content::bytes, plain};

/// The datagrams that an environment received, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatagramBatch {
    pub environment: EnvironmentId,
    pub zone: Zone,
    /// The place at which they arrived, by number: replies leave from there.
    pub datagrams: Vec<Datagram>,
    /// The datagrams that were dropped since the last batch, by source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<DroppedDatagrams>,
}

/// A datagram as it arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Datagram {
    pub source: SocketAddr,
    /// The number of the listening address at which it arrived.
    #[serde(default)]
    pub at: usize,
    #[serde(with = "bytes")]
    pub bytes: Arc<[u8]>,
}

/// The number of datagrams of a source that were dropped because it sent too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DroppedDatagrams {
    pub source: IpAddr,
    pub count: u64,
}

/// Replies for an environment to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyBatch {
    pub environment: EnvironmentId,
    pub replies: Vec<Reply>,
}

/// A datagram to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    pub to: SocketAddr,
    /// The number of the listening address from which it leaves.
    #[serde(default)]
    pub from: usize,
    #[serde(with = "bytes")]
    pub bytes: Arc<[u8]>,
}

plain! {
    DatagramBatch: "datagrams of devices";
    ReplyBatch: "replies to devices";
    Notification: "notification";
}
