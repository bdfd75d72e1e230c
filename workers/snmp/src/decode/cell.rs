//! A value stored in a column: a quarter of the size of the library's type.

use async_snmp::Value;
use utakata_profile::Raw;

use crate::value;

/// A value stored in a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Integer(i32),
    Counter32(u32),
    /// A Gauge32 or Unsigned32.
    Gauge32(u32),
    Counter64(u64),
    /// OCTET STRING. It does not keep the message alive that it arrived in.
    Octets(Box<[u8]>),
    /// Any other value.
    Other(Box<Value>),
}

impl Cell {
    /// Returns the value as profiles see it; `None` if the device says that there is none.
    pub fn raw(&self) -> Option<Raw<'_>> {
        Some(match self {
            Self::Integer(number) => Raw::Integer(i64::from(*number)),
            Self::Counter32(number) | Self::Gauge32(number) => {
                Raw::Unsigned(u64::from(*number), 32)
            }
            Self::Counter64(number) => Raw::Unsigned(*number, 64),
            Self::Octets(bytes) => Raw::Bytes(bytes),
            Self::Other(value) => return value::raw(value),
        })
    }
}

impl From<Value> for Cell {
    fn from(value: Value) -> Self {
        match value {
            Value::Integer(number) => Self::Integer(number),
            Value::Counter32(number) => Self::Counter32(number),
            Value::Gauge32(number) => Self::Gauge32(number),
            Value::Counter64(number) => Self::Counter64(number),
            Value::OctetString(bytes) => Self::Octets(bytes.as_ref().into()),
            other => Self::Other(Box::new(other)),
        }
    }
}

impl From<&Cell> for Value {
    fn from(cell: &Cell) -> Self {
        match cell {
            Cell::Integer(number) => Self::Integer(*number),
            Cell::Counter32(number) => Self::Counter32(*number),
            Cell::Gauge32(number) => Self::Gauge32(*number),
            Cell::Counter64(number) => Self::Counter64(*number),
            Cell::Octets(bytes) => Self::OctetString(bytes.clone().into()),
            Cell::Other(value) => value.as_ref().clone(),
        }
    }
}
