//! The command line.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use serde_json::Value;

use crate::control::{self, Request};
use crate::{bent, counters, service, swarm};

/// Equipment that is not there: real SNMP, from a small physical model
#[derive(Debug, Parser)]
#[command(name = "utakata-simulator", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a room of PDUs and UPSs; prints a JSON line per device, then one with "ready"
    Room {
        /// A room file (TOML) instead of the default room
        #[arg(long, value_name = "FILE")]
        room: Option<PathBuf>,
        /// Address to listen on
        #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
        bind: IpAddr,
        /// The devices answer on the ports after this one; 0 takes free ports
        #[arg(long, default_value_t = 16100)]
        base_port: u16,
        /// TCP port to ask for faults and truths; 0 takes a free one [default: the base port]
        #[arg(long)]
        control_port: Option<u16>,
        /// End when the standard input is closed, so as not to outlive the parent
        #[arg(long)]
        exit_with_stdin: bool,
    },
    /// Run many small SNMPv2c agents with IF-MIB, each on an address of its own, for benchmarks
    Agents {
        /// Number of agents
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=65_536))]
        count: u32,
        /// Address of the first; each next one is an address on
        #[arg(long, default_value = "127.30.0.1")]
        first_address: Ipv4Addr,
        /// Port of all; 0 takes a free one
        #[arg(long, default_value_t = 16161)]
        port: u16,
        /// Number of interfaces per agent
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
        interfaces: u32,
        /// End when the standard input is closed, so as not to outlive the parent
        #[arg(long)]
        exit_with_stdin: bool,
    },
    /// Run one agent that does what devices do to their answers, composed from a seed; prints the
    /// truth about each of its objects
    Bent {
        /// Seed, which determines all faults
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// Only faults of this sort: network, size, cells, order, identity; may stand again
        #[arg(long, value_name = "SORT")]
        only: Vec<bent::Only>,
        /// Address to listen on
        #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
        bind: IpAddr,
        /// UDP port; 0 takes a free one
        #[arg(long, default_value_t = 0)]
        port: u16,
        /// End when the standard input is closed, so as not to outlive the parent
        #[arg(long)]
        exit_with_stdin: bool,
    },
    /// Run devices that count what they are told, for drills; prints as `room` does
    Counters(Counters),
    /// Make something wrong with a device that runs
    Fault {
        /// The control port of the room or the counters, as its last start line says
        #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:16100")]
        control: String,
        /// The device
        device: String,
        /// slow=3000ms, silent, flapping[=5s], garbage, lying, mute-sets[=0.1], late=500ms, frozen,
        /// half-table, input-lost, none
        fault: String,
    },
    /// Print the truth about the devices that run, as JSON
    Show {
        /// The control port of the room or the counters, as its last start line says
        #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:16100")]
        control: String,
        /// Only this device
        device: Option<String>,
    },
    /// Print the whole truth about counters that run: every token, and how often it was told
    Truth {
        /// The control port of the counters, as their last start line says
        #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:16100")]
        control: String,
        /// Only this device
        device: Option<String>,
    },
}

#[derive(Debug, Args)]
struct Counters {
    /// Number of devices
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    devices: u32,
    /// Address to listen on
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind: IpAddr,
    /// The devices answer on the ports after this one; 0 takes free ports
    #[arg(long, default_value_t = 16100)]
    base_port: u16,
    /// TCP port to ask for faults and truths; 0 takes a free one [default: the base port]
    #[arg(long)]
    control_port: Option<u16>,
    /// Chance falls the same way for one seed
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// A fault from the start, with the share of the devices that it affects; may be repeated
    #[arg(long, value_name = "FAULT[@SHARE]")]
    fault: Vec<counters::FaultShare>,
    /// End when the standard input is closed, so as not to outlive the parent
    #[arg(long)]
    exit_with_stdin: bool,
}

impl Cli {
    /// Does what the command line says.
    pub fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Room {
                room,
                bind,
                base_port,
                control_port,
                exit_with_stdin,
            } => {
                let control_port = control_port.unwrap_or(base_port);
                let config = service::Config {
                    room,
                    bind,
                    base_port,
                    control_port,
                    exit_with_stdin,
                };
                let runtime = tokio::runtime::Runtime::new()?;
                Ok(runtime.block_on(service::run(&config))?)
            }
            Command::Agents {
                count,
                first_address,
                port,
                interfaces,
                exit_with_stdin,
            } => {
                let config = swarm::Config {
                    count,
                    first_address,
                    port,
                    interfaces,
                    exit_with_stdin,
                };
                let runtime = tokio::runtime::Runtime::new()?;
                Ok(runtime.block_on(swarm::run(&config))?)
            }
            Command::Bent {
                seed,
                only,
                bind,
                port,
                exit_with_stdin,
            } => {
                let config = bent::Config {
                    seed,
                    only,
                    bind,
                    port,
                    exit_with_stdin,
                };
                let runtime = tokio::runtime::Runtime::new()?;
                Ok(runtime.block_on(bent::run(&config))?)
            }
            Command::Counters(flags) => {
                let runtime = tokio::runtime::Runtime::new()?;
                Ok(runtime.block_on(counters::run(&flags.into()))?)
            }
            Command::Fault {
                control,
                device,
                fault,
            } => told(&control, device, fault),
            Command::Show { control, device } => show(&control, &Request::Show { device }),
            Command::Truth { control, device } => show(&control, &Request::Truth { device }),
        }
    }
}

impl From<Counters> for counters::Config {
    fn from(flags: Counters) -> Self {
        Self {
            devices: flags.devices,
            bind: flags.bind,
            base_port: flags.base_port,
            control_port: flags.control_port.unwrap_or(flags.base_port),
            seed: flags.seed,
            faults: flags.fault,
            exit_with_stdin: flags.exit_with_stdin,
        }
    }
}

/// Gives a fault, and says which ones the device has then.
fn told(control: &str, device: String, fault: String) -> anyhow::Result<()> {
    let devices = control::ask(control, &Request::Fault { device, fault })?;
    let line = |device: &Value| {
        let name = device["name"].as_str().unwrap_or_default();
        let faults = device["faults"].as_array();
        let faults = faults.map_or(&[][..], Vec::as_slice).iter();
        let faults: Vec<&str> = faults.filter_map(Value::as_str).collect();
        match faults.as_slice() {
            [] => format!("{name}: no fault"),
            faults => format!("{name}: {}", faults.join(", ")),
        }
    };
    let lines: Vec<String> = devices
        .as_array()
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .map(line)
        .collect();
    Ok(service::print(&lines)?)
}

fn show(control: &str, request: &Request) -> anyhow::Result<()> {
    let devices = control::ask(control, request)?;
    Ok(service::print(&[serde_json::to_string_pretty(&devices)?])?)
}
