//! Many BMCs, each on its own address, behind one listener: the load of a benchmark.
//!
//! The system hands every address of the loopback to one socket, so that a BMC costs no open file, only
//! its connections do.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::blueprint::{BmcModel, Kind};
use crate::bmc::{self, Bmc, Certificates, Limits, Machine};
use crate::control::{self, Equipment as _};
use crate::fault::{Fault, Misfit, Order};
use crate::service;
use crate::swarm;

/// The time that each takes to start.
const START: Duration = Duration::from_secs(60);

/// The settings of the BMCs.
#[derive(Debug, Clone)]
pub struct Config {
    pub count: u32,
    /// The address of the first BMC; each next one uses the next address.
    pub first_address: Ipv4Addr,
    /// The port of all BMCs; 0 picks a free one.
    pub port: u16,
    /// The control port; 0 picks a free one.
    pub control_port: u16,
    /// HTTP in place of HTTPS.
    pub is_plain: bool,
    pub model: BmcModel,
    pub limits: Limits,
    /// The percentage of BMCs that never answer.
    pub dead: u32,
    /// The percentage of BMCs that answer late.
    pub slow: u32,
    /// The time after which late BMCs answer.
    pub slow_by: Duration,
    /// Ends when standard input closes.
    pub exit_with_stdin: bool,
}

/// The reason why the BMCs cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port is in use.
    #[error("cannot listen on {address}: choose another --port, or 0")]
    Listen {
        address: SocketAddr,
        source: io::Error,
    },
    /// There are more BMCs than addresses.
    #[error("there are no {0} addresses from {1} on")]
    Addresses(u32, Ipv4Addr),
    #[error(transparent)]
    Certificate(#[from] bmc::CertificateError),
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// Ports, signals or standard output do not work.
    #[error(transparent)]
    Service(#[from] service::Error),
}

#[derive(Serialize)]
struct BmcEntry<'a> {
    name: &'a str,
    kind: Kind,
    address: String,
    user: &'static str,
    password: &'static str,
    faults: Vec<String>,
}

#[derive(Serialize)]
struct Ready {
    ready: bool,
    control: SocketAddr,
    devices: u32,
}

/// Runs the BMCs until SIGTERM, SIGINT, or the end of standard input.
///
/// # Errors
/// They cannot listen.
pub async fn run(config: &Config) -> Result<(), Error> {
    let end = service::wait_for_end(config.exit_with_stdin)?;
    let bmcs = Arc::new(build(config)?);
    let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, config.port));
    let listening = bmc::serve::listen(address).await;
    let (listener, address) = listening.map_err(|source| Error::Listen { address, source })?;
    let mut lines = Vec::new();
    for (number, bmc) in (0..).zip(bmcs.iter()) {
        let at = SocketAddr::from((nth(config, number)?, address.port()));
        lines.push(service::line(&BmcEntry {
            name: bmc.name(),
            kind: Kind::Redfish,
            address: match config.is_plain {
                true => format!("http://{at}"),
                false => at.to_string(),
            },
            user: bmc::USER,
            password: bmc::PASSWORD,
            faults: bmc.truth(control::Detail::Summary).faults,
        })?);
    }
    let mut tasks = JoinSet::new();
    let (first, known) = (config.first_address, bmcs.clone());
    let find = move |at: SocketAddr| {
        let IpAddr::V4(at) = at.ip() else { return None };
        let number = u32::from(at).checked_sub(u32::from(first))?;
        known.get(usize::try_from(number).ok()?).cloned()
    };
    tasks.spawn(bmc::serve::serve(listener, find));
    let control = SocketAddr::from((Ipv4Addr::LOCALHOST, config.control_port));
    let (listener, control) = service::listen(control).await?;
    tasks.spawn(control::serve(listener, bmcs));
    lines.push(service::line(&Ready {
        ready: true,
        control,
        devices: config.count,
    })?);
    service::print(&lines)?;
    end.await;
    tasks.shutdown().await;
    Ok(())
}

fn build(config: &Config) -> Result<Vec<Arc<Bmc>>, Error> {
    // One for all: what a connection costs is the same, and a key of each would take its time.
    let certificates = match config.is_plain {
        true => None,
        false => Some(Arc::new(Certificates::make("bmc")?)),
    };
    let began = Instant::now();
    let build = |index: u32| -> Result<Arc<Bmc>, Error> {
        let name = format!("bmc-{:05}", index + 1);
        let machine = Machine::alone(name.clone());
        let with = (config.limits, certificates.clone());
        let bmc = Bmc::new(name, config.model, machine, START, with, began);
        match swarm::behaviour(index, (config.dead, config.slow), config.slow_by) {
            swarm::Behaviour::Sound => {}
            swarm::Behaviour::Dead => bmc.order(Order::Add(Fault::Silent))?,
            swarm::Behaviour::Slow(by) => bmc.order(Order::Add(Fault::Slow(by)))?,
        }
        Ok(Arc::new(bmc))
    };
    (0..config.count).map(build).collect()
}

fn nth(config: &Config, index: u32) -> Result<Ipv4Addr, Error> {
    u32::from(config.first_address)
        .checked_add(index)
        .map(Ipv4Addr::from)
        .ok_or(Error::Addresses(config.count, config.first_address))
}
