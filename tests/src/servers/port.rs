//! Ports of servers: reserved while their claim is held, even while the server is killed and about
//! to be restarted.
//!
//! The system assigns ports in its own range to outgoing connections and to bindings of port 0, so
//! servers get theirs outside that range. Test processes coordinate by a locked file for each port;
//! a process that dies releases its locks.

use std::env;
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};
use rustix::process::getuid;

/// The lowest port assigned here: below are those of well-known services.
const LOWEST: u16 = 10_000;
/// The minimum number of ports below the system's range.
const ENOUGH: u16 = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// UDP, for SNMP.
    Udp,
    /// TCP, for HTTP.
    Tcp,
}

/// A reserved port. Clones share the claim, which ends with the last of them.
#[derive(Debug, Clone)]
pub struct Port {
    number: u16,
    _claim: Arc<File>,
}

impl Port {
    /// Claims a free port.
    ///
    /// # Errors
    /// All are taken, or none can be claimed.
    pub fn claim(transport: Transport) -> Result<Self> {
        let folder = folder()?;
        let range = ours(&system_range());
        let count = range.end - range.start;
        let first = RandomState::new().hash_one(&folder) % u64::from(count);
        let first = range.start + u16::try_from(first).unwrap_or_default();
        let mut numbers = (first..range.end).chain(range.start..first);
        let claimed = numbers.find_map(|number| {
            let file = File::create(folder.join(number.to_string())).ok()?;
            flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
            is_free(number, transport).then(|| Self {
                number,
                _claim: Arc::new(file),
            })
        });
        claimed.with_context(|| format!("no port is free of {range:?}"))
    }

    /// Returns the number of the port.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }
}

/// Returns the folder with the claims of this user.
fn folder() -> Result<PathBuf> {
    let folder = env::temp_dir().join(format!("utakata-ports-{}", getuid().as_raw()));
    fs::create_dir_all(&folder).context("making the folder of the claims of ports")?;
    Ok(folder)
}

/// The range of ports that the system assigns.
fn system_range() -> Range<u16> {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut ends = text.split_whitespace().map(str::parse);
    match (ends.next(), ends.next()) {
        (Some(Ok(low)), Some(Ok(high))) => low..high,
        // The default on Linux.
        _ => 32_768..60_999,
    }
}

/// The range for servers: below that of the system, or above it if that leaves too few.
fn ours(system: &Range<u16>) -> Range<u16> {
    if system.start >= LOWEST + ENOUGH {
        LOWEST..system.start
    } else if system.end <= u16::MAX - ENOUGH {
        system.end + 1..u16::MAX
    } else {
        // It covers everything: the claims have to suffice.
        LOWEST..u16::MAX
    }
}

fn is_free(number: u16, transport: Transport) -> bool {
    let address = (Ipv4Addr::LOCALHOST, number);
    match transport {
        Transport::Udp => UdpSocket::bind(address).is_ok(),
        Transport::Tcp => TcpListener::bind(address).is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_servers_are_never_those_that_the_system_gives_away() {
        for (system, expect) in [
            (32_768..60_999, 10_000..32_768),
            (1_024..60_999, 61_000..65_535),
            (1_024..65_535, 10_000..65_535),
        ] {
            assert_eq!(ours(&system), expect, "{system:?}");
        }
    }

    #[test]
    fn a_port_is_claimed_once_and_free_again_afterwards() {
        let claims: Vec<_> = (0..50)
            .map(|_| Port::claim(Transport::Tcp).unwrap())
            .collect();
        let mut numbers: Vec<_> = claims.iter().map(Port::number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), claims.len(), "one was claimed twice");
        let number = claims[0].number();
        let file = || File::create(folder().unwrap().join(number.to_string())).unwrap();
        let lock = |file: &File| flock(file, FlockOperation::NonBlockingLockExclusive);
        assert!(lock(&file()).is_err(), "a claim keeps others out");
        drop(claims);
        assert!(lock(&file()).is_ok());
    }
}
