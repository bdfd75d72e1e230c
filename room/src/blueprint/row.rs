//! Rows of racks that are alike.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Blueprint, Pdu, PduKind, Rack, Servers, five_seconds};
use crate::units::Watts;

/// A row of racks, each with a PDU on each feed, and the same servers plugged into all of them:
/// racks `N01`, PDUs `pdu-n01-a`, servers `n01-web-01`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The start of the names of its racks.
    pub name: String,
    /// The number of its racks.
    pub racks: usize,
    /// The kind of all PDUs.
    pub pdu: PduKind,
    /// The feeds, one for each PDU of a rack.
    pub feeds: Vec<String>,
    /// The number of outlets of each PDU, 1 to 64.
    pub outlets: usize,
    /// The power that the breaker of each PDU carries forever; absent: none trips.
    #[serde(default)]
    pub breaker_watts: Option<Watts>,
    /// The servers of each rack.
    #[serde(default, rename = "server")]
    pub servers: Vec<RowServers>,
}

/// Servers of one type in each rack of a row, in the outlets after those of the type before.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowServers {
    /// The end of their names.
    pub name: String,
    /// The number of servers in each rack.
    pub count: usize,
    /// The power of each when idle, and at full load.
    pub idle_watts: Watts,
    pub peak_watts: Watts,
    /// The labels of each.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

impl Row {
    /// Adds its racks, PDUs and servers.
    pub(super) fn unroll(self, into: &mut Blueprint) {
        for number in 1..=self.racks {
            let rack = format!("{}{number:02}", self.name);
            let small = rack.to_lowercase();
            let pdu = |feed: &String| format!("pdu-{small}-{}", feed.to_lowercase());
            into.racks.push(Rack { name: rack.clone() });
            into.pdus.extend(self.feeds.iter().map(|feed| Pdu {
                name: pdu(feed),
                kind: self.pdu,
                rack: rack.clone(),
                feed: feed.clone(),
                outlets: self.outlets,
                cycle_delay: five_seconds(),
                breaker_watts: self.breaker_watts,
            }));
            let mut next = 1;
            for servers in &self.servers {
                let cords = self.feeds.iter();
                into.servers.push(Servers {
                    name: format!("{small}-{}", servers.name),
                    rack: rack.clone(),
                    count: servers.count,
                    idle_watts: servers.idle_watts,
                    peak_watts: servers.peak_watts,
                    cords: cords.map(|feed| format!("{}:{next}", pdu(feed))).collect(),
                    labels: servers.labels.clone(),
                });
                next += servers.count;
            }
        }
    }
}
