//! Whose a datagram is: targets by their addresses, and the sources that are none. Pure.

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use jiff::Timestamp;
use utakata_model::Zone;

use crate::inventory::{TargetEntry, host_and_port};

/// The number of targets at one address that are considered.
const MAX_AT_ADDRESS: usize = 8;
/// The number of unknown sources that are remembered.
const MAX_UNKNOWN: usize = 1_000;
/// The number of identities of senders that are remembered.
const MAX_SENDERS: usize = 100_000;

/// The targets by the addresses from which they send.
#[derive(Debug, Default)]
pub(super) struct Sources {
    generation: Option<u64>,
    by_address: HashMap<(Zone, IpAddr), Vec<Arc<TargetEntry>>>,
    /// The targets by the identities of their senders (the engine id of SNMPv3), as learned from
    /// messages that proved them.
    by_sender: HashMap<(Zone, Arc<str>), Arc<TargetEntry>>,
}

impl Sources {
    /// Returns the generation of the inventory that it was made of.
    pub(super) fn generation(&self) -> Option<u64> {
        self.generation
    }

    /// Reads the addresses of targets.
    pub(super) fn refresh<'t>(
        &mut self,
        generation: u64,
        targets: impl Iterator<Item = &'t Arc<TargetEntry>>,
    ) {
        self.generation = Some(generation);
        self.by_address.clear();
        self.by_sender.clear();
        for entry in targets {
            let Some(address) = address(&entry.target.address) else {
                continue;
            };
            let at = self.by_address.entry((entry.target.zone.clone(), address));
            at.or_default().push(Arc::clone(entry));
        }
    }

    /// Returns the targets at an address of a zone; one that sends from the port at which it is
    /// asked, alone.
    pub(super) fn at(&self, zone: &Zone, source: SocketAddr) -> Vec<Arc<TargetEntry>> {
        let Some(found) = self.by_address.get(&(zone.clone(), plain(source.ip()))) else {
            return Vec::new();
        };
        let has_port = |entry: &&Arc<TargetEntry>| {
            let port = host_and_port(&entry.target.address).and_then(|(_, port)| port);
            port.and_then(|port| port.parse().ok()) == Some(source.port())
        };
        match found.iter().find(has_port) {
            Some(entry) => vec![Arc::clone(entry)],
            None => found.iter().take(MAX_AT_ADDRESS).cloned().collect(),
        }
    }

    /// Learns which target has an identity.
    pub(super) fn learn(&mut self, zone: &Zone, sender: &Arc<str>, entry: &Arc<TargetEntry>) {
        if self.by_sender.len() < MAX_SENDERS {
            let key = (zone.clone(), Arc::clone(sender));
            self.by_sender.insert(key, Arc::clone(entry));
        }
    }

    /// Returns the target that has an identity.
    pub(super) fn of_sender(&self, zone: &Zone, sender: &Arc<str>) -> Option<Arc<TargetEntry>> {
        self.by_sender
            .get(&(zone.clone(), Arc::clone(sender)))
            .cloned()
    }
}

/// Returns the IP address in the address of a target. A name says nothing without its resolver.
fn address(text: &str) -> Option<IpAddr> {
    let rest = text.strip_prefix("udp:").unwrap_or(text);
    if let Ok(address) = rest.parse() {
        return Some(plain(address));
    }
    let (host, _) = host_and_port(rest)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let host = host.split('%').next().unwrap_or(host);
    host.parse().ok().map(plain)
}

/// Returns an IPv4 address as such, also if it arrived at a socket of IPv6.
fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// A source of notifications that is no target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownSource {
    pub zone: Zone,
    pub source: IpAddr,
    pub count: u64,
    pub last: Timestamp,
}

/// The sources that are no targets.
#[derive(Debug, Default)]
pub(super) struct UnknownSources(BTreeMap<(Zone, IpAddr), (u64, Timestamp)>);

impl UnknownSources {
    /// Counts a notification of a source. Of too many, the one that was silent longest is
    /// forgotten.
    pub(super) fn count(&mut self, zone: &Zone, source: IpAddr, now: Timestamp) {
        let key = (zone.clone(), source);
        if self.0.len() >= MAX_UNKNOWN && !self.0.contains_key(&key) {
            let oldest = self.0.iter().min_by_key(|(_, (_, last))| *last);
            let oldest = oldest.map(|(key, _)| key.clone());
            oldest.map(|oldest| self.0.remove(&oldest));
        }
        let (count, last) = self.0.entry(key).or_insert((0, now));
        *count += 1;
        *last = now;
    }

    pub(super) fn most_frequent(&self) -> Vec<UnknownSource> {
        let all = self
            .0
            .iter()
            .map(|((zone, source), (count, last))| UnknownSource {
                zone: zone.clone(),
                source: *source,
                count: *count,
                last: *last,
            });
        let mut all: Vec<UnknownSource> = all.collect();
        all.sort_by_key(|one| (std::cmp::Reverse(one.count), one.source));
        all
    }
}

#[cfg(test)]
mod tests {
    use utakata_model::Target;

    use super::*;

    fn entry(name: &str, address: &str) -> Arc<TargetEntry> {
        let kind = "snmp".parse().unwrap();
        let target = Target::new(name.parse().unwrap(), kind, address.into());
        Arc::new(TargetEntry::of(target, 1))
    }

    #[test]
    fn a_target_is_found_by_the_address_from_which_it_sends() {
        let entries = [
            entry("plain", "10.0.0.1"),
            entry("port", "10.0.0.2:1161"),
            entry("udp", "udp:10.0.0.3:161"),
            entry("six", "2001:db8::1"),
            entry("six-port", "[2001:db8::2]:161"),
            entry("link", "fe80::1%eth0"),
            entry("named", "pdu.example"),
            entry("one", "127.0.0.1:1001"),
            entry("other", "127.0.0.1:1002"),
        ];
        let mut sources = Sources::default();
        sources.refresh(1, entries.iter());
        for (source, expect) in [
            ("10.0.0.1:4000", &["plain"][..]),
            ("10.0.0.2:4000", &["port"]),
            ("10.0.0.3:4000", &["udp"]),
            ("[2001:db8::1]:4000", &["six"]),
            ("[2001:db8::2]:4000", &["six-port"]),
            ("[fe80::1]:4000", &["link"]),
            ("[::ffff:10.0.0.1]:4000", &["plain"]),
            ("127.0.0.1:4000", &["one", "other"]),
            ("127.0.0.1:1002", &["other"]),
            ("10.0.0.9:4000", &[]),
        ] {
            let found = sources.at(&Zone::default(), source.parse().unwrap());
            let found: Vec<&str> = found.iter().map(|one| one.target.name.as_str()).collect();
            assert_eq!(found, expect, "{source}");
        }
        let other = "hall-2".parse().unwrap();
        assert!(
            sources
                .at(&other, "10.0.0.1:4000".parse().unwrap())
                .is_empty()
        );
    }

    #[test]
    fn unknown_sources_are_bounded_and_the_most_frequent_come_first() {
        let mut unknown = UnknownSources::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        for number in 0..2_000_i64 {
            let source = IpAddr::from(u32::try_from(number).unwrap().to_be_bytes());
            unknown.count(&Zone::default(), source, at(number));
        }
        let loud = IpAddr::from([10, 0, 0, 1]);
        for second in 0..3 {
            unknown.count(&Zone::default(), loud, at(3_000 + second));
        }
        let found = unknown.most_frequent();
        assert_eq!(found.len(), MAX_UNKNOWN);
        assert_eq!((found[0].source, found[0].count), (loud, 3));
    }
}
