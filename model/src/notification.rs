//! Notifications: messages that devices send unasked, such as SNMP traps.

use std::{net::IpAddr, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{TargetName, Zone};

/// A message that a device sent unasked, folded: messages of one source with the same key are one
/// notification, with the number of times it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Notification {
    /// The target that sent it; absent if no target of the inventory has its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetName>,
    /// The zone in which it arrived.
    pub zone: Zone,
    /// The address of the device that it is about.
    #[schema(value_type = String)]
    pub source: IpAddr,
    /// The name of the event: `linkDown`, or its OID where no profile names it.
    #[schema(value_type = String)]
    pub name: Arc<str>,
    /// The key by which it is folded: the event and the object that it is about.
    #[schema(value_type = String)]
    pub key: Arc<str>,
    /// The values that came with it the last time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<NotificationValue>,
    /// The time at which it first came.
    #[schema(value_type = String, format = "date-time")]
    pub first: Timestamp,
    /// The time at which it last came.
    #[schema(value_type = String, format = "date-time")]
    pub last: Timestamp,
    /// The number of times that it came.
    pub count: u64,
    /// True if the sender proved who it is (SNMPv3 with authentication). Anybody can send
    /// anything else under any address: it is a hint to look, and never a reading.
    #[serde(default)]
    pub proven: bool,
}

/// A value that came with a notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NotificationValue {
    /// The name of the object: `ifIndex.3`, or its OID.
    #[schema(value_type = String)]
    pub name: Arc<str>,
    /// Its value as text.
    #[schema(value_type = String)]
    pub value: Arc<str>,
}

impl Notification {
    /// Returns the name of its target, or the address of its source.
    pub fn subject(&self) -> String {
        match &self.target {
            Some(target) => target.to_string(),
            None => self.source.to_string(),
        }
    }
}
