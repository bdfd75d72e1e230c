//! Networks that hold addresses, for those who limit what a worker may reach.

use std::{
    collections::BTreeSet,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

/// Networks are not widened beyond these prefixes, IPv4 and IPv6: a limit that lets everything
/// through is none.
const WIDEST: [u8; 2] = [8, 16];

/// A network: its first address, and the length of its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    first: IpAddr,
    prefix: u8,
}

/// A text that is not a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0:.80}\" is not a network: an address, / and the length of its prefix")]
pub struct NotANetwork(String);

/// The networks that the workers of a kind need to reach.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetNetworks {
    /// Networks that hold the addresses of its targets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<Network>,
    /// The names of hosts that stand in place of addresses, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// The number of targets whose addresses are neither, or beyond the number of names that are
    /// sent.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unknown: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Network {
    /// Returns the network of one address. IPv4 written as IPv6 counts as IPv4.
    pub fn of(address: IpAddr) -> Self {
        let first = address.to_canonical();
        Self {
            first,
            prefix: if first.is_ipv4() { 32 } else { 128 },
        }
    }

    /// Returns true if an address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.holds(&Self::of(address))
    }

    fn holds(&self, other: &Self) -> bool {
        let is_alike = self.first.is_ipv4() == other.first.is_ipv4();
        is_alike && self.prefix <= other.prefix && masked(other.first, self.prefix) == self.first
    }

    /// Returns the bits by which it may still be widened.
    fn spare(&self) -> u8 {
        let widest = WIDEST[usize::from(self.first.is_ipv6())];
        self.prefix.saturating_sub(widest)
    }

    fn wider(self) -> Self {
        let prefix = self.prefix.saturating_sub(1);
        Self {
            first: masked(self.first, prefix),
            prefix,
        }
    }
}

/// Returns networks that hold all of these addresses, as narrow as `max` of them allow: no address
/// besides these unless there are more. More than `max` if they would have to be wider than /8
/// (IPv6: /16).
pub fn collapse(addresses: impl IntoIterator<Item = IpAddr>, max: usize) -> Vec<Network> {
    let mut networks: BTreeSet<Network> = addresses.into_iter().map(Network::of).collect();
    loop {
        networks = joined(networks);
        if networks.len() <= max {
            return networks.into_iter().collect();
        }
        // The narrowest ones are widened first, a bit at a time.
        let spare = networks.iter().map(Network::spare).max().unwrap_or(0);
        if spare == 0 {
            return networks.into_iter().collect();
        }
        let widened = |network: Network| match network.spare() == spare {
            true => network.wider(),
            false => network,
        };
        networks = networks.into_iter().map(widened).collect();
    }
}

/// Joins the halves of networks, and leaves out what is in others.
fn joined(networks: BTreeSet<Network>) -> BTreeSet<Network> {
    let mut kept: Vec<Network> = Vec::with_capacity(networks.len());
    // In order each network comes right after those that hold it, and after its other half.
    for mut network in networks {
        if kept.last().is_some_and(|last| last.holds(&network)) {
            continue;
        }
        while let Some(last) = kept.last()
            && network.spare() > 0
            && last.prefix == network.prefix
            && last.wider() == network.wider()
        {
            network = network.wider();
            kept.pop();
        }
        kept.push(network);
    }
    kept.into_iter().collect()
}

fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let shift = 32 - u32::from(prefix.min(32));
            let mask = u32::MAX.checked_shl(shift).unwrap_or(0);
            Ipv4Addr::from(u32::from(address) & mask).into()
        }
        IpAddr::V6(address) => {
            let shift = 128 - u32::from(prefix.min(128));
            let mask = u128::MAX.checked_shl(shift).unwrap_or(0);
            Ipv6Addr::from(u128::from(address) & mask).into()
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let read = || {
            let (first, prefix) = text.split_once('/')?;
            let (first, prefix) = (first.parse::<IpAddr>().ok()?, prefix.parse::<u8>().ok()?);
            let max = if first.is_ipv4() { 32 } else { 128 };
            let is_one = prefix <= max && masked(first, prefix) == first;
            is_one.then_some(Self { first, prefix })
        };
        read().ok_or_else(|| NotANetwork(text.into()))
    }
}

impl TryFrom<String> for Network {
    type Error = NotANetwork;

    fn try_from(text: String) -> Result<Self, NotANetwork> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn collapsed(addresses: &[&str], max: usize) -> Vec<String> {
        let addresses = addresses.iter().map(|text| text.parse().unwrap());
        let networks = collapse(addresses, max).into_iter();
        networks.map(|network| network.to_string()).collect()
    }

    #[test]
    fn each_address_is_a_network_of_its_own_until_there_are_too_many() {
        let few = ["10.0.0.1", "10.0.0.2", "2001:db8::1", "::ffff:10.0.0.1"];
        let expect = ["10.0.0.1/32", "10.0.0.2/32", "2001:db8::1/128"];
        assert_eq!(collapsed(&few, 500), expect);
        // Halves are joined, for that lets nothing else through.
        let near = ["10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7", "10.0.0.9"];
        assert_eq!(collapsed(&near, 500), ["10.0.0.4/30", "10.0.0.9/32"]);
        assert_eq!(collapsed(&near, 1), ["10.0.0.0/28"]);
        // Never everything.
        let far = ["10.0.0.1", "192.0.2.1"];
        assert_eq!(collapsed(&far, 1), ["10.0.0.0/8", "192.0.0.0/8"]);
    }

    #[test]
    fn a_network_is_read_as_it_is_written() {
        for text in ["10.0.0.0/8", "10.0.0.1/32", "2001:db8::/32"] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
        }
        for text in ["10.0.0.1", "10.0.0.1/8", "10.0.0.0/33", "a/8", "10.0.0.0/"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_address_is_in_a_network_and_no_other_while_there_are_few(
            addresses: BTreeSet<u32>, other: u32, max in 1_usize..50
        ) {
            let known: BTreeSet<IpAddr> =
                addresses.iter().map(|one| Ipv4Addr::from(*one).into()).collect();
            let networks = collapse(known.clone(), max);
            for address in &known {
                prop_assert!(networks.iter().any(|network| network.contains(*address)));
            }
            let exact = collapse(known.clone(), usize::MAX);
            let other = Ipv4Addr::from(other).into();
            prop_assert_eq!(
                exact.iter().any(|network| network.contains(other)), known.contains(&other)
            );
        }

        #[test]
        fn there_are_never_more_than_asked_for_unless_they_would_be_too_wide(
            addresses in proptest::collection::btree_set(0_u32..0x0100_0000, 0..200),
            max in 1_usize..50
        ) {
            let addresses = addresses.into_iter().map(|one| Ipv4Addr::from(0x0a00_0000 | one).into());
            prop_assert!(collapse(addresses, max).len() <= max);
        }
    }
}
