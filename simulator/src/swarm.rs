//! Many small agents, each on its own address: the load of a benchmark.
//!
//! They answer SNMPv2c GET, GETNEXT and GETBULK for the system group and IF-MIB, from values that
//! are encoded beforehand as far as possible, so that they cost little compared with what is
//! measured.

mod answer;
pub(crate) mod ber;
mod interfaces;

#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::service::{self, print};
use answer::answer;
use interfaces::Interfaces;

const COMMUNITY: &str = "public";
/// The largest request: there are as many buffers as agents.
const REQUEST: usize = 4_096;

/// The settings of the agents.
#[derive(Debug, Clone)]
pub struct Config {
    pub count: u32,
    /// The address of the first agent; each next one uses the next address.
    pub first_address: Ipv4Addr,
    /// The port of all agents; 0 picks one that is free at the first address.
    pub port: u16,
    /// The number of interfaces of each agent, 1 to 1000.
    pub interfaces: u32,
    /// The percentage of agents that never answer.
    pub dead: u32,
    /// The percentage of agents that answer late.
    pub slow: u32,
    /// The time after which late agents answer.
    pub slow_by: Duration,
    /// Ends when standard input closes.
    pub exit_with_stdin: bool,
}

/// The reason why the agents cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An address is in use, or the system allows fewer sockets.
    #[error(
        "cannot listen on {address}: is the port in use, or `ulimit -n` below the count of agents?"
    )]
    Bind {
        address: SocketAddr,
        source: io::Error,
    },
    /// There are more agents than addresses.
    #[error("there are no {0} addresses from {1} on")]
    Addresses(u32, Ipv4Addr),
    /// Signals or standard output do not work.
    #[error(transparent)]
    Service(#[from] service::Error),
}

#[derive(Serialize)]
struct AgentEntry {
    name: String,
    kind: &'static str,
    address: SocketAddr,
    community_read: &'static str,
}

/// The behaviour of one of many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    Sound,
    Dead,
    /// It answers after this time.
    Slow(Duration),
}

#[derive(Serialize)]
struct Ready {
    ready: bool,
    agents: u32,
    interfaces: u32,
}

/// Runs the agents until SIGTERM, SIGINT, or the end of standard input.
pub async fn run(config: &Config) -> Result<(), Error> {
    let end = service::wait_for_end(config.exit_with_stdin)?;
    let interfaces = Arc::new(Interfaces::build(config.interfaces));
    let began = Instant::now();
    let mut port = config.port;
    let mut lines = Vec::new();
    let mut tasks = JoinSet::new();
    for index in 0..config.count {
        let address = SocketAddr::from((nth(config, index)?, port));
        let refused = |source| Error::Bind { address, source };
        let socket = UdpSocket::bind(address).await.map_err(refused)?;
        let address = socket.local_addr().map_err(refused)?;
        port = address.port();
        let name = format!("agent-{:04}", index + 1);
        lines.push(service::line(&AgentEntry {
            name,
            kind: "snmp",
            address,
            community_read: COMMUNITY,
        })?);
        let agent = Agent {
            socket: Arc::new(socket),
            index,
            behaviour: config.behaviour(index),
            interfaces: interfaces.clone(),
            began,
        };
        tasks.spawn(agent.serve());
    }
    let (agents, interfaces) = (config.count, config.interfaces);
    lines.push(service::line(&Ready {
        ready: true,
        agents,
        interfaces,
    })?);
    print(&lines)?;
    end.await;
    tasks.shutdown().await;
    Ok(())
}

fn nth(config: &Config, index: u32) -> Result<Ipv4Addr, Error> {
    u32::from(config.first_address)
        .checked_add(index)
        .map(Ipv4Addr::from)
        .ok_or(Error::Addresses(config.count, config.first_address))
}

impl Config {
    fn behaviour(&self, index: u32) -> Behaviour {
        behaviour(index, (self.dead, self.slow), self.slow_by)
    }
}

/// Returns the behaviour of one of many, of which these percentages are dead and slow: evenly
/// distributed, and the same each time.
pub fn behaviour(index: u32, (dead, slow): (u32, u32), slow_by: Duration) -> Behaviour {
    // 37 and 100 have no common divisor: every hundred in a row has each remainder once.
    let place = index.wrapping_mul(37) % 100;
    match place {
        _ if place < dead => Behaviour::Dead,
        _ if place < dead + slow => Behaviour::Slow(slow_by),
        _ => Behaviour::Sound,
    }
}

struct Agent {
    socket: Arc<UdpSocket>,
    index: u32,
    behaviour: Behaviour,
    interfaces: Arc<Interfaces>,
    began: Instant,
}

impl Agent {
    async fn serve(self) {
        let mut request = vec![0; REQUEST];
        let mut reply = Vec::with_capacity(2_048);
        loop {
            // An error is an ICMP message about an earlier answer; the socket itself is sound.
            let Ok((length, manager)) = self.socket.recv_from(&mut request).await else {
                continue;
            };
            if self.behaviour == Behaviour::Dead {
                continue;
            }
            let moment = interfaces::Moment {
                agent: self.index,
                uptime: self.began.elapsed(),
            };
            if answer(&request[..length], &self.interfaces, moment, &mut reply).is_none() {
                continue;
            }
            match self.behaviour {
                Behaviour::Slow(by) => {
                    let (socket, reply) = (self.socket.clone(), reply.clone());
                    tokio::spawn(async move {
                        tokio::time::sleep(by).await;
                        let _ = socket.send_to(&reply, manager).await;
                    });
                }
                // A manager that has gone needs no answer.
                _ => drop(self.socket.send_to(&reply, manager).await),
            }
        }
    }
}
