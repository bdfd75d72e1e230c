//! Host names, resolved and cached for a short while; zones of IPv6 addresses.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket},
    time::{Duration, Instant as Clock},
};

use parking_lot::Mutex;
use rustix::net::netdevice;
use tokio::time::{Instant, timeout_at};

use crate::address::{Address, Host};

const REMEMBERED: Duration = Duration::from_secs(60);
const NAMES_MAX: usize = 10_000;

/// The reason why an address cannot be resolved.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name is unknown, or no answer arrived in time.
    #[error("the name cannot be resolved")]
    Name(#[source] io::Error),
    /// There is no such interface.
    #[error("there is no network interface \"{zone}\" on the host of the worker")]
    Zone { zone: String },
    /// An address that exists on every interface was given without one.
    #[error("a link-local address needs the interface behind which it is, as in {ip}%eth0")]
    NoZone { ip: Ipv6Addr },
}

/// Names and the addresses to which they resolved.
#[derive(Default)]
pub struct Names(Mutex<HashMap<String, (IpAddr, Clock)>>);

impl Names {
    /// Resolves an address; IPv4 is preferred if a name has both. Errors: the name is unknown, or
    /// no answer arrived in time.
    pub async fn resolve(&self, address: &Address, deadline: Instant) -> Result<SocketAddr, Error> {
        let name = match &address.host {
            Host::Ip(IpAddr::V6(ip)) if ip.is_unicast_link_local() => {
                return Err(Error::NoZone { ip: *ip });
            }
            Host::Ip(ip) => return Ok(SocketAddr::new(*ip, address.port)),
            Host::Zoned(ip, zone) => return scoped(*ip, zone, address.port),
            Host::Name(name) => name,
        };
        let ip = self.lookup(name, address.port, deadline).await;
        Ok(SocketAddr::new(ip.map_err(Error::Name)?, address.port))
    }

    async fn lookup(&self, name: &str, port: u16, deadline: Instant) -> io::Result<IpAddr> {
        if let Some(ip) = self.known(name) {
            return Ok(ip);
        }
        let found = timeout_at(deadline, tokio::net::lookup_host((name, port)));
        let found: Vec<SocketAddr> = found
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??
            .collect();
        let best = found.iter().find(|at| at.is_ipv4()).or(found.first());
        let best = *best.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let mut names = self.0.lock();
        if names.len() >= NAMES_MAX {
            names.clear();
        }
        names.insert(name.into(), (best.ip(), Clock::now() + REMEMBERED));
        Ok(best.ip())
    }

    fn known(&self, name: &str) -> Option<IpAddr> {
        let names = self.0.lock();
        names
            .get(name)
            .filter(|(_, until)| *until > Clock::now())
            .map(|(ip, _)| *ip)
    }
}

/// Returns an address with its zone. Looked up each time: interfaces come and go.
fn scoped(ip: Ipv6Addr, zone: &str, port: u16) -> Result<SocketAddr, Error> {
    let index = index_of(zone).ok_or_else(|| Error::Zone { zone: zone.into() })?;
    // Other addresses are the same on every interface, and answers come without a zone.
    let is_scoped = ip.is_unicast_link_local() || ip.is_multicast();
    let scope = if is_scoped { index } else { 0 };
    Ok(SocketAddrV6::new(ip, port, 0, scope).into())
}

/// The index of an interface, by its name or number.
fn index_of(zone: &str) -> Option<u32> {
    let socket = UdpSocket::bind("127.0.0.1:0").ok()?;
    let named = netdevice::name_to_index(&socket, zone).ok();
    named.or_else(|| {
        let index = zone.parse().ok()?;
        let is_there = netdevice::index_to_name(&socket, index).is_ok();
        is_there.then_some(index)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address;

    async fn resolve(text: &str) -> Result<SocketAddr, Error> {
        let deadline = Instant::now() + Duration::from_secs(5);
        let address = address::parse(text).unwrap();
        Names::default().resolve(&address, deadline).await
    }

    #[tokio::test]
    async fn a_zone_is_the_interface_of_that_name_or_number() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let lo = netdevice::name_to_index(&socket, "lo").unwrap();
        for zone in ["lo".to_owned(), lo.to_string()] {
            let SocketAddr::V6(at) = resolve(&format!("[fe80::1%{zone}]:1161")).await.unwrap()
            else {
                panic!("{zone}");
            };
            assert_eq!((at.scope_id(), at.port()), (lo, 1161), "{zone}");
            let SocketAddr::V6(at) = resolve(&format!("::1%{zone}")).await.unwrap() else {
                panic!("{zone}");
            };
            assert_eq!((at.scope_id(), at.port()), (0, 161), "{zone}");
        }
    }

    #[tokio::test]
    async fn an_unknown_interface_is_named_and_a_missing_one_is_requested() {
        for zone in ["eth99", "99999", "0", "an-interface-with-a-long-name"] {
            let error = resolve(&format!("[fe80::1%{zone}]")).await.unwrap_err();
            assert!(
                error.to_string().contains(&format!("\"{zone}\"")),
                "{error}"
            );
        }
        let error = resolve("fe80::1").await.unwrap_err();
        assert!(error.to_string().contains("fe80::1%eth0"), "{error}");
    }
}
