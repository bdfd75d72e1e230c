//! The settings for messages that devices send unasked.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use utakata_settings::Settings;

/// Notifications (SNMP traps and informs) of devices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Notifications {
    /// Addresses and UDP ports at which devices of the zone are listened to, such as
    /// "0.0.0.0:162"; none when empty.
    pub listen: Vec<SocketAddr>,
}
