//! Devices that count the commands they receive: a drill is compared with them at its end.
//!
//! ```text
//! manager ──UDP──► answer ──► Counter: faults, Register (token ──► times received, times done)
//! drill   ──TCP──► control port: the whole truth
//! ```

mod answer;
mod counter;
mod objects;
mod register;
mod share;
mod socket;

#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use serde::Serialize;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::control::{self, Equipment};
use crate::device::{self, READ_COMMUNITY, WRITE_COMMUNITY};
use crate::fault::Misfit;
use crate::service;
use counter::Counter;

pub use share::FaultShare;

/// The kind of these devices in inventories.
const KIND: &str = "drill";

/// The settings of the devices: their number and addresses.
#[derive(Debug, Clone)]
pub struct Config {
    pub devices: u32,
    /// The address on which they answer.
    pub bind: IpAddr,
    /// The first device uses the next port, and so on; 0 picks free ports.
    pub base_port: u16,
    /// The control port; 0 picks a free one.
    pub control_port: u16,
    /// The seed of all randomness.
    pub seed: u64,
    /// Initial faults, and the shares of devices that have them.
    pub faults: Vec<FaultShare>,
    /// Ends when standard input closes.
    pub exit_with_stdin: bool,
}

/// The reason why the devices cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A fault that they do not support.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// Ports, signals or standard output do not work.
    #[error(transparent)]
    Service(#[from] service::Error),
}

#[derive(Serialize)]
struct DeviceEntry<'a> {
    name: &'a str,
    kind: &'static str,
    address: SocketAddr,
    faults: Vec<String>,
    community_read: &'static str,
    community_write: &'static str,
}

#[derive(Serialize)]
struct Ready {
    ready: bool,
    control: SocketAddr,
    devices: usize,
    seed: u64,
}

/// Runs the devices until SIGTERM, SIGINT, or the end of standard input.
pub async fn run(config: &Config) -> Result<(), Error> {
    let end = service::wait_for_end(config.exit_with_stdin)?;
    let began = Instant::now();
    let devices = build(config, began)?;
    let mut tasks = JoinSet::new();
    let mut lines = Vec::new();
    for (index, device) in devices.iter().enumerate() {
        let port = service::port(config.base_port, index)?;
        let socket = bind(device, SocketAddr::new(config.bind, port)).await?;
        let address = socket
            .local_addr()
            .map_err(|source| service::Error::System {
                step: "tell where a device answers",
                source,
            })?;
        lines.push(service::line(&DeviceEntry {
            name: device.name(),
            kind: KIND,
            address,
            faults: device.faults(),
            community_read: READ_COMMUNITY,
            community_write: WRITE_COMMUNITY,
        })?);
        tasks.spawn(socket::serve(device.clone(), socket));
    }
    let control = SocketAddr::new(config.bind, config.control_port);
    let (listener, control) = service::listen(control).await?;
    lines.push(service::line(&Ready {
        ready: true,
        control,
        devices: devices.len(),
        seed: config.seed,
    })?);
    tasks.spawn(control::serve(listener, Arc::new(devices)));
    service::print(&lines)?;
    end.await;
    tasks.shutdown().await;
    Ok(())
}

fn build(config: &Config, began: Instant) -> Result<Vec<Arc<Counter>>, Misfit> {
    let names = (1..=config.devices).map(|number| format!("{KIND}-{number:04}"));
    let devices: Vec<_> = names
        .map(|name| Arc::new(Counter::new(name, config.seed, began)))
        .collect();
    for fault in &config.faults {
        for index in fault.chosen(config.seed, devices.len()) {
            if let Some(device) = devices.get(index) {
                device.order(fault.order())?;
            }
        }
    }
    Ok(devices)
}

async fn bind(device: &Counter, address: SocketAddr) -> Result<UdpSocket, service::Error> {
    UdpSocket::bind(address).await.map_err(|source| {
        service::Error::Device(device::Error::Bind {
            name: device.name().to_owned(),
            address,
            source,
        })
    })
}
