//! Ports of servers: nobody else gets one while its claim is held, also while the server is
//! killed and about to come back.
//!
//! The system hands ports of its own range to whoever connects or binds to port 0: so servers
//! have theirs outside of that range. Test processes agree among each other by a locked file for
//! each port; a process that dies lets go of its locks.

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

/// The lowest port that is handed out here: below are those of well-known services.
const LOWEST: u16 = 10_000;
/// Fewer below the system's range are too few.
const ENOUGH: u16 = 1_000;

/// The transport of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// UDP, for SNMP.
    Udp,
    /// TCP, for HTTP.
    Tcp,
}

/// A port of one's own. Clones share the claim, which ends with the last of them.
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

/// The ports that the system hands out.
fn system_range() -> Range<u16> {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut ends = text.split_whitespace().map(str::parse);
    match (ends.next(), ends.next()) {
        (Some(Ok(low)), Some(Ok(high))) => low..high,
        // As it is on Linux unless somebody changes it.
        _ => 32_768..60_999,
    }
}

/// The ports for servers: below those of the system, or above where that leaves too few.
fn ours(system: &Range<u16>) -> Range<u16> {
    if system.start >= LOWEST + ENOUGH {
        LOWEST..system.start
    } else if system.end <= u16::MAX - ENOUGH {
        system.end + 1..u16::MAX
    } else {
        // It gives everything away: then the claims must do.
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
