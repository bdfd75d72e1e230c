//! The contents of a room: the default room, or one read from a TOML file.

mod row;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::span;
use crate::units::{Celsius, WattHours, Watts};

pub use row::Row;

const DEFAULT_ROOM: &str = include_str!("../rooms/demo.toml");

/// A room of twenty racks on two feeds, with four cooling units.
pub const NORTH: &str = include_str!("../rooms/north.toml");

/// The rooms that need no file, by name.
pub const SHIPPED: [(&str, &str); 2] = [("north", NORTH), ("demo", DEFAULT_ROOM)];

/// A room as described in a file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blueprint {
    /// Name of the room, used as a label in inventories.
    pub name: String,
    /// Two rooms with the same seed behave identically.
    #[serde(default)]
    pub seed: u64,
    #[serde(default, rename = "rack")]
    pub racks: Vec<Rack>,
    #[serde(default, rename = "pdu")]
    pub pdus: Vec<Pdu>,
    #[serde(default, rename = "ups")]
    pub upses: Vec<Ups>,
    #[serde(default, rename = "server")]
    pub servers: Vec<Servers>,
    #[serde(default, rename = "bmc")]
    pub bmcs: Vec<Bmc>,
    #[serde(default, rename = "upsd")]
    pub upsds: Vec<Upsd>,
    #[serde(default, rename = "gateway")]
    pub gateways: Vec<Gateway>,
    #[serde(default, rename = "utility")]
    pub utilities: Vec<Utility>,
    #[serde(default)]
    pub cooling: Vec<Cooling>,
    /// Rows of racks that are alike, each instead of many racks, PDUs and servers.
    #[serde(default, rename = "row")]
    pub rows: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rack {
    pub name: String,
}

/// The kind of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// APC rack PDU, switched and metered by outlet (PowerNet-MIB, rPDU and rPDU2).
    ApcPdu,
    /// Raritan PX, switched and metered by outlet (PDU2-MIB).
    RaritanPdu,
    /// A UPS of any make (UPS-MIB, RFC 1628).
    Ups,
    /// A cooling unit of no make (netSnmpPlaypen).
    Crac,
    /// The BMC of a server (Redfish, DSP0266).
    Redfish,
    /// The same BMC by IPMI 2.0.
    Ipmi,
    /// The controller of a cooling unit behind a gateway, of no make (Modbus/TCP).
    ModbusCrac,
    /// A UPS as a server of Network UPS Tools tells it.
    Nut,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PduKind {
    /// See [`Kind::ApcPdu`].
    ApcPdu,
    /// See [`Kind::RaritanPdu`].
    RaritanPdu,
}

/// A power distribution unit.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pdu {
    pub name: String,
    pub kind: PduKind,
    /// The rack in which it is mounted.
    pub rack: String,
    /// The feed that supplies it: that of a UPS, or otherwise the mains.
    pub feed: String,
    /// The number of its outlets, 1 to 64.
    pub outlets: usize,
    /// The time that a cycled outlet stays off.
    #[serde(default = "five_seconds", deserialize_with = "span::deserialize")]
    pub cycle_delay: Duration,
    /// The power that its breaker carries forever; absent: it never trips.
    #[serde(default)]
    pub breaker_watts: Option<Watts>,
}

/// An uninterruptible power supply.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ups {
    pub name: String,
    /// The feed that it supplies.
    pub feed: String,
    /// The load that it can carry.
    pub rated_watts: Watts,
    /// The energy in its battery when full.
    pub battery_watt_hours: WattHours,
    /// The utility feed that supplies it; absent: one that never fails.
    #[serde(default)]
    pub utility: Option<String>,
    /// The power that the breaker of its output carries forever; absent: it never trips.
    #[serde(default)]
    pub breaker_watts: Option<Watts>,
}

/// A utility feed.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Utility {
    pub name: String,
}

/// A cooling unit. With at least one, the supply air of the room is what the units make of it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cooling {
    pub name: String,
    /// The units of one zone stand in for each other.
    #[serde(default)]
    pub zone: String,
    /// The heat that it can remove.
    pub capacity_watts: Watts,
    /// The air that it supplies, unless it is told otherwise.
    #[serde(default = "supply_air")]
    pub setpoint: Celsius,
    /// The utility feed that supplies it; absent: one that never fails.
    #[serde(default)]
    pub utility: Option<String>,
    /// The time for which its compressor runs at least, and for which it stands still at least.
    #[serde(default = "three_minutes", deserialize_with = "span::deserialize")]
    pub min_on: Duration,
    #[serde(default = "three_minutes", deserialize_with = "span::deserialize")]
    pub min_off: Duration,
}

/// Servers of one type: the first has its cords in the named outlets, each next one in the outlet
/// after.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Servers {
    /// Name; with a `count`, followed by a number.
    pub name: String,
    /// The rack in which they are mounted.
    pub rack: String,
    /// The number of servers.
    #[serde(default = "one")]
    pub count: usize,
    /// The power of each server when idle.
    pub idle_watts: Watts,
    /// Power of each at full load.
    pub peak_watts: Watts,
    /// The outlets of the first server's cords: `pdu:outlet`, outlets counted from 1.
    pub cords: Vec<String>,
    /// The labels of each: what may go first when power is short.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// The BMC of a server.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bmc {
    pub name: String,
    /// The name of its server; of several alike, with the number: `a1-compute-01`.
    pub server: String,
    #[serde(default)]
    pub model: BmcModel,
    /// True if it answers IPMI, too.
    #[serde(default)]
    pub ipmi: bool,
    /// The time that it takes to start once it has power.
    #[serde(default = "one_minute", deserialize_with = "span::deserialize")]
    pub start: Duration,
}

/// The resources in which a BMC tells what it measures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BmcModel {
    /// `Thermal` and `Power`.
    #[default]
    Classic,
    /// `ThermalSubsystem`, `PowerSubsystem` and `Sensors`, which come with their members if asked.
    Modern,
}

/// A server of Network UPS Tools, which tells of UPSs.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upsd {
    pub name: String,
    /// The names of its UPSs.
    pub upses: Vec<String>,
}

/// A gateway: Modbus/TCP on one side, a serial line with units on the other.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    pub name: String,
    /// The time that it waits for a unit.
    #[serde(default = "one_second", deserialize_with = "span::deserialize")]
    pub patience: Duration,
    /// The number of connections that it takes at one time.
    #[serde(default = "four")]
    pub connections: usize,
    #[serde(default, rename = "unit")]
    pub units: Vec<Unit>,
}

/// A unit on the line of a gateway: the controller of a cooling unit.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    pub name: String,
    /// Its number on the line, 1 to 247.
    pub number: u8,
    /// The name of its cooling unit.
    pub cooling: String,
}

/// The reason why a room cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the room file {path}")]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    /// The file does not describe a room.
    #[error("{origin} is not a room")]
    Parse {
        origin: String,
        /// The mistake and its position.
        source: Box<toml::de::Error>,
    },
}

fn five_seconds() -> Duration {
    Duration::from_secs(5)
}

fn three_minutes() -> Duration {
    Duration::from_secs(180)
}

fn one_minute() -> Duration {
    Duration::from_secs(60)
}

fn one_second() -> Duration {
    Duration::from_secs(1)
}

fn four() -> usize {
    4
}

fn supply_air() -> Celsius {
    Celsius(20.0)
}

fn one() -> usize {
    1
}

impl Blueprint {
    /// Reads the room file at `path`, or the default room.
    pub fn load(path: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = path else {
            return Self::parse(DEFAULT_ROOM, "the default room");
        };
        let text = std::fs::read_to_string(path).map_err(|source| Error::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, &format!("{}", path.display()))
    }

    /// Reads the text of a room file. `origin` is its name in messages.
    pub fn parse(text: &str, origin: &str) -> Result<Self, Error> {
        let read: Self = toml::from_str(text).map_err(|source| Error::Parse {
            origin: origin.to_owned(),
            source: Box::new(source),
        })?;
        Ok(read.unrolled())
    }

    /// Makes racks, PDUs and servers of its rows.
    fn unrolled(mut self) -> Self {
        for row in std::mem::take(&mut self.rows) {
            row.unroll(&mut self);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_room_has_two_racks_of_four_pdus_and_a_ups_per_feed() {
        let room = Blueprint::load(None).unwrap();
        assert_eq!(room.racks.len(), 2);
        for rack in &room.racks {
            assert_eq!(
                room.pdus.iter().filter(|pdu| pdu.rack == rack.name).count(),
                4
            );
        }
        let feeds: Vec<_> = room.upses.iter().map(|ups| ups.feed.as_str()).collect();
        assert_eq!(feeds, ["A", "B"]);
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let error = Blueprint::parse("name = \"x\"\ncolour = \"red\"", "test").unwrap_err();
        assert!(matches!(error, Error::Parse { .. }));
    }
}
