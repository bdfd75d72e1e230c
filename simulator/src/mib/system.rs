//! The system group (SNMPv2-MIB, RFC 3418).

use std::time::Duration;

use async_snmp::{Oid, Value};

use super::view::{ViewBuilder, integer, text};
use super::{Change, Refusal};

const SYSTEM: [u32; 7] = [1, 3, 6, 1, 2, 1, 1];

/// The writable texts of the system group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// The value of sysContact.
    pub contact: String,
    /// The value of sysName.
    pub name: String,
    /// The value of sysLocation.
    pub location: String,
}

/// The texts by which an agent identifies itself.
pub struct Agent {
    /// The value of sysDescr.
    pub description: String,
    /// The value of sysObjectID.
    pub object: Vec<u32>,
}

/// Adds the system group.
pub fn put_objects(agent: &Agent, labels: &Labels, uptime: Duration, builder: &mut ViewBuilder) {
    let ticks = (uptime.as_millis() / 10) as u32;
    let mut put = |object: u32, value: Value| builder.put(&SYSTEM, &[object, 0], value);
    put(1, text(&agent.description));
    put(2, Value::ObjectIdentifier(Oid::from_slice(&agent.object)));
    put(3, Value::TimeTicks(ticks));
    put(4, text(&labels.contact));
    put(5, text(&labels.name));
    put(6, text(&labels.location));
    put(7, integer(72));
}

/// Returns the change made by writing to the system group; `None` if `oid` is not in it.
pub fn write(oid: &[u32], value: &Value) -> Option<Result<Change, Refusal>> {
    let change = match oid.strip_prefix(&SYSTEM)? {
        [4, 0] => Change::Contact,
        [5, 0] => Change::Name,
        [6, 0] => Change::Location,
        _ => return Some(Err(Refusal::NotWritable)),
    };
    Some(super::text(value, 255).map(change))
}
