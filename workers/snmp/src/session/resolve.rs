//! Names of hosts, resolved and remembered for a short while.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant as Clock},
};

use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};

use crate::address::{Address, Host};

const REMEMBERED: Duration = Duration::from_secs(60);
const NAMES_MAX: usize = 10_000;

/// Names and where they led.
#[derive(Default)]
pub struct Names(Mutex<HashMap<String, (IpAddr, Clock)>>);

impl Names {
    /// Where an address leads; IPv4 is preferred where a name has both. Errors: the name is not
    /// known, or nobody says so in time.
    pub async fn resolve(&self, address: &Address, deadline: Instant) -> io::Result<SocketAddr> {
        let name = match &address.host {
            Host::Ip(ip) => return Ok(SocketAddr::new(*ip, address.port)),
            Host::Name(name) => name,
        };
        if let Some(ip) = self.known(name) {
            return Ok(SocketAddr::new(ip, address.port));
        }
        let found = timeout_at(
            deadline,
            tokio::net::lookup_host((name.as_str(), address.port)),
        );
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
        names.insert(name.clone(), (best.ip(), Clock::now() + REMEMBERED));
        Ok(best)
    }

    fn known(&self, name: &str) -> Option<IpAddr> {
        let names = self.0.lock();
        names
            .get(name)
            .filter(|(_, until)| *until > Clock::now())
            .map(|(ip, _)| *ip)
    }
}
