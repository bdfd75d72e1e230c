//! The networks of the targets of each kind, for environments whose workers reach nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::sync::watch;
use utakata_model::{EnvironmentStatus, Kind, Selector, Target, TargetNetworks, Zone, network};

use crate::inventory::Inventory;

/// Networks of a kind in a zone: network plugins make a rule of each, on every node.
const MAX_NETWORKS: usize = 500;
/// Names of a kind in a zone: each is looked up again and again.
const MAX_NAMES: usize = 500;
/// Many changes of the inventory in a row are one.
const DEBOUNCE: Duration = Duration::from_secs(1);

/// Networks by zone and kind.
pub(super) type ZoneNetworks = BTreeMap<Zone, BTreeMap<Kind, TargetNetworks>>;

/// The networks as they were found last.
pub(super) struct Networks {
    inventory: Arc<Inventory>,
    generation: watch::Receiver<u64>,
    /// The generation of the inventory, and the zones, that they were found for.
    of: Option<(u64, BTreeSet<Zone>)>,
    found: Arc<ZoneNetworks>,
}

impl Networks {
    pub(super) fn new(inventory: Arc<Inventory>) -> Self {
        Self {
            generation: inventory.follow(),
            inventory,
            of: None,
            found: Arc::default(),
        }
    }

    /// Returns the networks of all zones in which an environment needs them.
    pub(super) async fn of_now(&mut self, heard: &[Arc<EnvironmentStatus>]) -> Arc<ZoneNetworks> {
        let needing = heard.iter().filter(|one| one.needs_networks);
        let zones: BTreeSet<Zone> = needing.map(|one| one.zone.clone()).collect();
        let of = (*self.generation.borrow_and_update(), zones);
        if self.of.as_ref() != Some(&of) {
            self.found = match of.1.is_empty() {
                true => Arc::default(),
                false => {
                    let (inventory, zones) = (self.inventory.clone(), of.1.clone());
                    let find = move || find(&inventory, zones);
                    match tokio::task::spawn_blocking(find).await {
                        Ok(found) => Arc::new(found),
                        // The runtime ends.
                        Err(_) => return self.found.clone(),
                    }
                }
            };
            self.of = Some(of);
        }
        self.found.clone()
    }

    /// Waits until the inventory has changed since, if anybody needs to know.
    pub(super) async fn outdated(&mut self) {
        match &self.of {
            Some((generation, zones)) if !zones.is_empty() => {
                let generation = *generation;
                let changed = self.generation.wait_for(|now| *now != generation);
                match changed.await.map(drop) {
                    Ok(()) => tokio::time::sleep(DEBOUNCE).await,
                    Err(_) => std::future::pending().await,
                }
            }
            _ => std::future::pending().await,
        }
    }
}

fn find(inventory: &Inventory, zones: BTreeSet<Zone>) -> ZoneNetworks {
    let all = inventory.select(&Selector::default());
    networks(all.iter().map(|entry| &*entry.target), zones)
}

/// Returns the networks of the targets of these zones, by kind.
fn networks<'t>(targets: impl Iterator<Item = &'t Target>, zones: BTreeSet<Zone>) -> ZoneNetworks {
    let mut all: BTreeMap<Zone, BTreeMap<Kind, Hosts>> = zones
        .into_iter()
        .map(|zone| (zone, BTreeMap::new()))
        .collect();
    for target in targets {
        if let Some(kinds) = all.get_mut(&target.zone) {
            let hosts = kinds.entry(target.kind.clone()).or_default();
            hosts.add(&target.address);
        }
    }
    let of_kinds = |kinds: BTreeMap<Kind, Hosts>| {
        let kinds = kinds.into_iter();
        kinds
            .map(|(kind, hosts)| (kind, hosts.networks()))
            .collect()
    };
    let all = all.into_iter();
    all.map(|(zone, kinds)| (zone, of_kinds(kinds))).collect()
}

/// The hosts of the targets of a kind.
#[derive(Debug, Default)]
struct Hosts {
    addresses: BTreeSet<IpAddr>,
    names: BTreeSet<String>,
    unknown: u64,
}

#[derive(Debug, PartialEq, Eq)]
enum Host {
    Address(IpAddr),
    Name(String),
}

impl Hosts {
    fn add(&mut self, address: &str) {
        match host(address) {
            Some(Host::Address(address)) => drop(self.addresses.insert(address)),
            Some(Host::Name(name)) => drop(self.names.insert(name)),
            None => self.unknown += 1,
        }
    }

    fn networks(self) -> TargetNetworks {
        let beyond = self.names.len().saturating_sub(MAX_NAMES);
        TargetNetworks {
            networks: network::collapse(self.addresses, MAX_NETWORKS),
            names: self.names.into_iter().take(MAX_NAMES).collect(),
            unknown: self.unknown + u64::try_from(beyond).unwrap_or(u64::MAX),
        }
    }
}

/// Returns the host in an address, whatever its kind has around it: a scheme, a transport, a user, a
/// port, a path.
fn host(address: &str) -> Option<Host> {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let rest = rest.split(['/', '?', '#']).next()?;
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    if let Some(address) = ip_address(rest) {
        return Some(Host::Address(address));
    }
    let parts: Vec<&str> = rest.split(':').collect();
    if let Some(address) = parts.iter().find_map(|part| ip_address(part)) {
        return Some(Host::Address(address));
    }
    // `tcp:pdu-1:161`, `pdu-1:161`, `pdu-1`: the last part that is no number.
    let name = parts.iter().rfind(|part| part.parse::<u64>().is_err())?;
    is_host_name(name).then(|| Host::Name(name.to_lowercase()))
}

fn ip_address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let address = bare.unwrap_or(text).parse::<IpAddr>().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    address.or_else(with_port)
}

fn is_host_name(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_inner =
            |letter: u8| letter.is_ascii_alphanumeric() || letter == b'-' || letter == b'_';
        (1..=63).contains(&label.len()) && label.bytes().all(is_inner)
    };
    text.len() <= 253 && text.trim_end_matches('.').split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_found_in_the_address_of_any_kind() {
        for (address, expect) in [
            ("10.0.3.7", Some("10.0.3.7")),
            ("10.0.3.7:1161", Some("10.0.3.7")),
            ("udp:10.0.3.7:1161", Some("10.0.3.7")),
            ("[2001:db8::1]:161", Some("2001:db8::1")),
            ("2001:db8::1", Some("2001:db8::1")),
            (
                "https://admin@10.0.3.7:8443/redfish/v1?x=y",
                Some("10.0.3.7"),
            ),
            ("https://[2001:db8::1]/", Some("2001:db8::1")),
            ("opc.tcp://UPS-1.example:4840/a", Some("ups-1.example")),
            ("pdu-a1.example:161", Some("pdu-a1.example")),
            ("tcp:pdu-a1:502", Some("pdu-a1")),
            ("/dev/ttyS0", None),
            ("two words", None),
            ("", None),
        ] {
            let found = host(address).map(|host| match host {
                Host::Address(address) => address.to_string(),
                Host::Name(name) => name,
            });
            assert_eq!(found.as_deref(), expect, "{address}");
        }
    }

    #[test]
    fn every_kind_of_a_zone_has_the_networks_of_its_own_targets() {
        let target = |name: &str, kind: &str, zone: &str, address: &str| {
            let (name, kind) = (name.parse().unwrap(), kind.parse().unwrap());
            let mut target = Target::new(name, kind, address.into());
            target.zone = zone.parse().unwrap();
            target
        };
        let targets = [
            target("a", "snmp", "hall-1", "10.0.0.1"),
            target("b", "snmp", "hall-1", "10.0.0.2:161"),
            target("c", "snmp", "hall-2", "10.0.0.3"),
            target("d", "redfish", "hall-1", "https://bmc-1"),
            target("e", "modbus", "hall-1", "/dev/ttyS0"),
        ];
        let zones = ["hall-1", "hall-3"].map(|zone| zone.parse().unwrap());
        let found = networks(targets.iter(), zones.into());
        let found = serde_json::to_value(&found).unwrap();
        let expect = serde_json::json!({
            "hall-1": {
                "modbus": { "unknown": 1 },
                "redfish": { "names": ["bmc-1"] },
                "snmp": { "networks": ["10.0.0.1/32", "10.0.0.2/32"] },
            },
            "hall-3": {},
        });
        assert_eq!(found, expect);
    }

    #[test]
    fn what_is_sent_is_bounded() {
        let mut hosts = Hosts::default();
        for number in 0..100_000_u32 {
            // Every other address: none can be joined without letting another one through.
            hosts.add(&std::net::Ipv4Addr::from(0x0a00_0000 + number * 2).to_string());
        }
        for number in 0..MAX_NAMES + 3 {
            hosts.add(&format!("host-{number}"));
        }
        let found = hosts.networks();
        assert!(
            found.networks.len() <= MAX_NETWORKS,
            "{}",
            found.networks.len()
        );
        assert_eq!((found.names.len(), found.unknown), (MAX_NAMES, 3));
    }
}
