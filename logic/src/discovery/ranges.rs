//! The addresses that people write: networks, ranges and single addresses. Pure.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::RangeInclusive,
};

/// The largest number of addresses of a discovery.
pub const ADDRESSES_MAX: usize = 4096;
/// The largest number of loopback addresses: they are the environment's own machine, many times.
const LOOPBACK_MAX: usize = 16;
/// The shortest prefixes of networks.
const PREFIX_MIN_V4: u8 = 20;
const PREFIX_MIN_V6: u8 = 120;
/// The longest prefix of an IPv4 network that has an address of its own and one for all.
const PREFIX_WITH_BROADCAST: u8 = 30;

/// The reason why addresses are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is none.
    #[error("there is no address: write for example 10.0.3.0/24")]
    Empty,
    /// A text is no address, network or range.
    #[error("\"{text:.60}\" is {problem}")]
    Text {
        text: String,
        /// The mistake, with what to write.
        problem: String,
    },
    /// There are too many.
    #[error(
        "more than {ADDRESSES_MAX} addresses, the first {ADDRESSES_MAX} of which end in \
         \"{text:.60}\": discover one part after the other"
    )]
    Many { text: String },
}

/// Parses addresses, each of which occurs once, in the order in which they are written.
///
/// # Errors
/// A text is none, or they are too many.
pub fn parse(text: &str) -> Result<Vec<IpAddr>, Error> {
    let mut all = Vec::new();
    let mut known = HashSet::new();
    let mut loopback = 0;
    let parts = text.split(|c: char| c == ',' || c.is_whitespace());
    for part in parts.filter(|part| !part.is_empty()) {
        let wrong = |problem: String| Error::Text {
            text: part.into(),
            problem,
        };
        let addresses = expand(part).map_err(wrong)?;
        for address in addresses {
            if let Some(problem) = refusal(address) {
                return Err(wrong(problem.into()));
            }
            if !known.insert(address) {
                continue;
            }
            loopback += usize::from(address.is_loopback());
            if loopback > LOOPBACK_MAX {
                let problem = format!(
                    "of the environment's own machine: at most {LOOPBACK_MAX} loopback addresses \
                     are asked"
                );
                return Err(wrong(problem));
            }
            if all.len() == ADDRESSES_MAX {
                return Err(Error::Many { text: part.into() });
            }
            all.push(address);
        }
    }
    match all.is_empty() {
        true => Err(Error::Empty),
        false => Ok(all),
    }
}

fn expand(part: &str) -> Result<Vec<IpAddr>, String> {
    if let Some((network, prefix)) = part.split_once('/') {
        return expand_network(network, prefix);
    }
    let is_numbers = |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == '.');
    if let Some((from, to)) = part.split_once('-').filter(|(from, _)| is_numbers(from)) {
        return expand_range(from.trim(), to.trim());
    }
    let address: IpAddr = part.parse().map_err(|_| {
        "no IP address: write a network (10.0.3.0/24), a range (10.0.3.10-40) or an address"
            .to_owned()
    })?;
    Ok(vec![address])
}

fn expand_network(network: &str, prefix: &str) -> Result<Vec<IpAddr>, String> {
    let no_network = || "no network: write for example 10.0.3.0/24".to_owned();
    let address: IpAddr = network.parse().map_err(|_| no_network())?;
    let prefix: u8 = prefix.parse().map_err(|_| no_network())?;
    match address {
        IpAddr::V4(address) => {
            if prefix > 32 {
                return Err(no_network());
            }
            if prefix < PREFIX_MIN_V4 {
                return Err(format!(
                    "too large a network: at most /{PREFIX_MIN_V4}, which has {ADDRESSES_MAX} \
                     addresses"
                ));
            }
            let size = 1_u32 << (32 - u32::from(prefix));
            let first = u32::from(address) & !(size - 1);
            // Its own address and that of all are nobody's.
            let hosts = match prefix <= PREFIX_WITH_BROADCAST {
                true => first + 1..=first + (size - 2),
                false => first..=first + (size - 1),
            };
            Ok(hosts.map(|bits| Ipv4Addr::from(bits).into()).collect())
        }
        IpAddr::V6(address) => {
            if !(PREFIX_MIN_V6..=128).contains(&prefix) {
                return Err(format!(
                    "too large a network: of IPv6 at most /{PREFIX_MIN_V6}; write the addresses \
                     that are used"
                ));
            }
            let size = 1_u128 << (128 - u32::from(prefix));
            let first = u128::from(address) & !(size - 1);
            let hosts = first..=first + (size - 1);
            Ok(hosts.map(|bits| Ipv6Addr::from(bits).into()).collect())
        }
    }
}

fn expand_range(from: &str, to: &str) -> Result<Vec<IpAddr>, String> {
    let no_range = || "no range: write 10.0.3.10-10.0.3.40 or 10.0.3.10-40".to_owned();
    let from: Ipv4Addr = from.parse().map_err(|_| no_range())?;
    let to = match to.parse::<u8>() {
        Ok(last) => {
            let [a, b, c, _] = from.octets();
            Ipv4Addr::new(a, b, c, last)
        }
        Err(_) => to.parse().map_err(|_| no_range())?,
    };
    let range: RangeInclusive<u32> = from.into()..=to.into();
    if range.is_empty() {
        return Err("a range that ends before it begins".into());
    }
    let size = range.end() - range.start();
    match usize::try_from(size).is_ok_and(|size| size < ADDRESSES_MAX) {
        true => Ok(range.map(|bits| Ipv4Addr::from(bits).into()).collect()),
        false => Err(format!(
            "too large a range: at most {ADDRESSES_MAX} addresses"
        )),
    }
}

/// Returns the reason why an address is nobody's equipment.
fn refusal(address: IpAddr) -> Option<&'static str> {
    let address = address.to_canonical();
    if address.is_multicast() {
        return Some("for groups (multicast): write the addresses of devices");
    }
    if address.is_unspecified() {
        return Some("no address of a device");
    }
    match address {
        IpAddr::V4(v4) if v4.is_broadcast() || v4.octets()[0] >= 240 || v4.octets()[0] == 0 => {
            Some("reserved: no device has such an address")
        }
        IpAddr::V4(v4) if v4.is_link_local() => {
            Some("of the link alone (169.254.0.0/16), where environments have nothing to ask")
        }
        IpAddr::V6(v6) if v6.is_unicast_link_local() => {
            Some("of the link alone (fe80::/10): it means another device on each interface")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn count(text: &str) -> usize {
        parse(text).unwrap().len()
    }

    fn ends(text: &str) -> [String; 2] {
        let all = parse(text).unwrap();
        [all[0], all[all.len() - 1]].map(|one| one.to_string())
    }

    #[test]
    fn networks_ranges_and_addresses_are_addresses() {
        for (text, number, first, last) in [
            ("10.0.3.7", 1, "10.0.3.7", "10.0.3.7"),
            ("10.0.3.0/24", 254, "10.0.3.1", "10.0.3.254"),
            ("10.0.3.77/24", 254, "10.0.3.1", "10.0.3.254"),
            ("10.0.3.0/31", 2, "10.0.3.0", "10.0.3.1"),
            ("10.0.3.4/32", 1, "10.0.3.4", "10.0.3.4"),
            ("10.0.3.4/30", 2, "10.0.3.5", "10.0.3.6"),
            ("10.0.0.0/20", 4094, "10.0.0.1", "10.0.15.254"),
            ("10.0.3.10-40", 31, "10.0.3.10", "10.0.3.40"),
            ("10.0.3.250-10.0.4.5", 12, "10.0.3.250", "10.0.4.5"),
            ("2001:db8::/120", 256, "2001:db8::", "2001:db8::ff"),
            (" 10.0.3.1, 10.0.3.1\n10.0.3.9 ", 2, "10.0.3.1", "10.0.3.9"),
            ("127.0.0.1-16", 16, "127.0.0.1", "127.0.0.16"),
        ] {
            assert_eq!(count(text), number, "{text}");
            assert_eq!(ends(text), [first, last], "{text}");
        }
    }

    #[test]
    fn what_is_none_or_too_much_is_refused_with_what_to_write() {
        for (text, expect) in [
            ("", "there is no address"),
            (" , ", "there is no address"),
            ("bmc-1", "\"bmc-1\" is no IP address"),
            ("10.0.3.300", "no IP address"),
            ("10.0.3.0/x", "no network"),
            ("10.0.3.0/33", "no network"),
            ("10.0.0.0/19", "too large a network: at most /20"),
            ("2001:db8::/64", "of IPv6 at most /120"),
            ("10.0.3.9-10.0.3.1", "ends before it begins"),
            ("10.0.3.9-", "no range"),
            ("10.0.0.0-10.0.16.0", "too large a range"),
            ("10.0.0.0/20,10.1.0.0/24", "discover one part"),
            ("224.0.0.5", "multicast"),
            ("255.255.255.255", "reserved"),
            ("240.0.0.1", "reserved"),
            ("0.0.0.0", "no address of a device"),
            ("169.254.169.254", "of the link alone"),
            ("fe80::1", "of the link alone"),
            ("127.0.0.0/24", "own machine"),
            ("ff02::1", "multicast"),
            ("::ffff:169.254.169.254", "of the link alone"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(expect), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_addresses_within_the_limit_or_none(text in "[0-9a-f:./, -]{0,40}") {
            if let Ok(all) = parse(&text) {
                prop_assert!((1..=ADDRESSES_MAX).contains(&all.len()));
                let different: HashSet<_> = all.iter().collect();
                prop_assert_eq!(different.len(), all.len());
            }
        }
    }
}
