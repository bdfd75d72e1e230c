//! Addresses of targets: `host`, `host:port`, `[v6]:port`, `[v6%interface]:port`. Pure.

use std::{
    fmt, io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

/// The address of a target.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// An IP address or a name.
    pub host: Host,
    /// The port, of UDP or TCP.
    pub port: u16,
}

/// An IP address or a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// An IP address.
    Ip(IpAddr),
    /// An IPv6 address and its zone (RFC 4007, section 11): the interface behind which it is.
    Zoned(Ipv6Addr, String),
    /// A name to be resolved.
    Name(String),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.port;
        match &self.host {
            Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]:{port}"),
            Host::Ip(ip) => write!(f, "{ip}:{port}"),
            Host::Zoned(ip, zone) => write!(f, "[{ip}%{zone}]:{port}"),
            Host::Name(name) => write!(f, "{name}:{port}"),
        }
    }
}

impl Address {
    /// Returns the IP addresses at which it may answer, by the resolver of the system.
    ///
    /// # Errors
    /// The name or the zone is unknown.
    pub async fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        if let Host::Ip(ip) = self.host {
            return Ok(vec![SocketAddr::new(ip, self.port)]);
        }
        let found = tokio::net::lookup_host(self.to_string()).await?;
        Ok(found.collect())
    }
}

/// The error for a text that is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not an address: {problem}")]
pub struct Error {
    text: String,
    problem: String,
}

/// Parses an address. `default` is the port where none is given.
pub fn parse(text: &str, default: u16) -> Result<Address, Error> {
    let wrong = |problem: String| Error {
        text: text.into(),
        problem,
    };
    let plain = text.trim();
    let bare = plain
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(plain);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok(Address {
            host: Host::Ip(ip),
            port: default,
        });
    }
    if let Some(host) = zoned(bare) {
        return Ok(Address {
            host,
            port: default,
        });
    }
    let (host, port) = match plain.rsplit_once(':') {
        Some((host, port)) => (
            host,
            port.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
                wrong(format!(
                    "after the colon comes a port from 1 to 65535; write IPv6 as \
                     [2001:db8::1]:{default}"
                ))
            })?,
        ),
        None => (plain, default),
    };
    let host = match host.strip_prefix('[') {
        Some(inner) => {
            let inner = inner.strip_suffix(']').unwrap_or(inner);
            let ip = inner.parse::<Ipv6Addr>().ok().map(|ip| Host::Ip(ip.into()));
            ip.or_else(|| zoned(inner))
                .ok_or_else(|| wrong("between [ and ] comes an IPv6 address".into()))?
        }
        None => named(host).ok_or_else(|| {
            wrong(format!(
                "write an IP address or a name, and a port if it is not {default}, as in \
                 10.0.3.7:{default}"
            ))
        })?,
    };
    Ok(Address { host, port })
}

/// An IPv6 address with its zone: `fe80::1%eth0`.
fn zoned(text: &str) -> Option<Host> {
    let (ip, zone) = text.split_once('%')?;
    let allowed = |c: char| !c.is_whitespace() && !c.is_control() && !"/[]%".contains(c);
    let is_zone = !zone.is_empty() && zone.chars().all(allowed);
    let ip = ip.parse().ok().filter(|_| is_zone)?;
    Some(Host::Zoned(ip, zone.into()))
}

fn named(host: &str) -> Option<Host> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Some(Host::Ip(ip));
    }
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    let is_name = !host.is_empty() && host.len() <= 253 && host.chars().all(allowed);
    // 10.0.0.300 is a typo, not a name.
    let is_number = host.chars().all(|c| c.is_ascii_digit() || c == '.');
    (is_name && !is_number).then(|| Host::Name(host.trim_end_matches('.').into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_hosts_with_or_without_a_port() {
        let ip = |text: &str| Host::Ip(text.parse().unwrap());
        let name = |text: &str| Host::Name(text.into());
        let zoned = |ip: &str, zone: &str| Host::Zoned(ip.parse().unwrap(), zone.into());
        for (text, host, port) in [
            ("10.0.3.7", ip("10.0.3.7"), 161),
            ("10.0.3.7:1161", ip("10.0.3.7"), 1161),
            ("pdu-a1.example", name("pdu-a1.example"), 161),
            ("pdu-a1.example.:8161", name("pdu-a1.example"), 8161),
            ("[2001:db8::1]:1161", ip("2001:db8::1"), 1161),
            ("[2001:db8::1]", ip("2001:db8::1"), 161),
            ("2001:db8::1", ip("2001:db8::1"), 161),
            ("fe80::1%eth0", zoned("fe80::1", "eth0"), 161),
            (
                "[fe80::1%eth0.100]:1161",
                zoned("fe80::1", "eth0.100"),
                1161,
            ),
            ("[fe80::1%3]", zoned("fe80::1", "3"), 161),
        ] {
            match parse(text, 161) {
                Ok(address) => assert_eq!(address, Address { host, port }, "{text}"),
                Err(error) => panic!("{text}: {error}"),
            }
        }
    }

    #[test]
    fn what_is_not_an_address_is_refused_with_the_reason() {
        for text in [
            "",
            "10.0.0.300",
            "pdu:port",
            "pdu:0",
            "a b",
            "[fe80::zz]:161",
            "fe80::1%",
            "[fe80::1%]:161",
            "10.0.0.1%eth0",
            "pdu%eth0",
            "fe80::1%a b",
            "pdu:70000",
        ] {
            let error = parse(text, 161).unwrap_err().to_string();
            assert!(error.contains("is not an address"), "{text}: {error}");
        }
    }
}
