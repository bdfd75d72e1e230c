//! The command line.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use serde_json::Value;

use crate::blueprint::BmcModel;
use crate::bmc::Limits;
use crate::control::{self, Request};
use crate::{bent, bmcs, counters, service, span, swarm};

/// Simulated equipment: real SNMP, Redfish, Modbus and NUT, driven by a small physical model
#[derive(Debug, Parser)]
#[command(name = "utakata-simulator", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a room of PDUs, UPSs, cooling units, BMCs and gateways; prints a JSON line per device, then one with "ready"
    Room {
        /// A room file (TOML) instead of the default room
        #[arg(long, value_name = "FILE")]
        room: Option<PathBuf>,
        /// Address to listen on
        #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
        bind: IpAddr,
        /// The devices use the ports after this one; 0 picks free ports
        #[arg(long, default_value_t = 16100)]
        base_port: u16,
        /// TCP port for querying and injecting faults; 0 picks a free one [default: the base port]
        #[arg(long)]
        control_port: Option<u16>,
        /// End when standard input closes, so as not to outlive the parent
        #[arg(long)]
        exit_with_stdin: bool,
    },
    /// Run many small SNMPv2c agents with IF-MIB, each on its own address, for benchmarks
    Agents {
        /// Number of agents
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=131_072))]
        count: u32,
        /// Address of the first agent; each next one uses the next address
        #[arg(long, default_value = "127.30.0.1")]
        first_address: Ipv4Addr,
        /// Port of all agents; 0 picks a free one
        #[arg(long, default_value_t = 16161)]
        port: u16,
        /// Number of interfaces per agent
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
        interfaces: u32,
        /// Percentage of agents that never answer
        #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
        dead: u32,
        /// Percentage of agents that answer late
        #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
        slow: u32,
        /// Time after which a late agent answers
        #[arg(long, default_value = "30s", value_parser = span::parse)]
        slow_by: Duration,
        /// End when standard input closes, so as not to outlive the parent
        #[arg(long)]
        exit_with_stdin: bool,
    },
    /// Run many BMCs that speak Redfish, each on its own address, for benchmarks
    Bmcs(Bmcs),
    /// Run one agent with a random combination of faults derived from a seed; prints the truth
    /// about each of its objects
    Bent {
        /// Seed, which determines all faults
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// Only faults of this sort: network, size, cells, order, identity; may be repeated
        #[arg(long, value_name = "SORT")]
        only: Vec<bent::Only>,
        /// Address to listen on
        #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
        bind: IpAddr,
        /// UDP port; 0 picks a free one
        #[arg(long, default_value_t = 0)]
        port: u16,
        /// End when standard input closes, so as not to outlive the parent
        #[arg(long)]
        exit_with_stdin: bool,
    },
    /// Run devices that count the commands they receive, for drills; prints like `room`
    Counters(Counters),
    /// Inject a fault into a running device
    Fault {
        /// The control port of the room or the counters, as printed in its last start line
        #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:16100")]
        control: String,
        /// The device
        device: String,
        /// slow=3000ms, silent, flapping[=5s], garbage, lying, mute-sets[=0.1], late=500ms, frozen,
        /// half-table, input-lost, bypass, output-off, battery-drained, test-failed, overload,
        /// near-overload, supply-failed, breaker-open, utility-lost, compressor-failed,
        /// hidden-failure, sign-wrong, warm=35, extra-load=3000, none; of BMCs: slow-part=30s,
        /// truncated, refusing, sessions-full, basic-refused, moody[=0.2], restart[=60s],
        /// certificate-changed, fan-failed; of UPSs behind an upsd: stale, stuck-status, no-numbers
        fault: String,
    },
    /// Print the truth about the running devices, as JSON
    Show {
        /// The control port of the room or the counters, as printed in its last start line
        #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:16100")]
        control: String,
        /// Only this device
        device: Option<String>,
    },
    /// Print the whole truth about running counters: every token, and how often it was received
    Truth {
        /// The control port of the counters, as printed in their last start line
        #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:16100")]
        control: String,
        /// Only this device
        device: Option<String>,
    },
}

#[derive(Debug, Args)]
struct Bmcs {
    /// Number of BMCs
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=131_072))]
    count: u32,
    /// Address of the first BMC; each next one uses the next address
    #[arg(long, default_value = "127.60.0.1")]
    first_address: Ipv4Addr,
    /// TCP port of all BMCs, on all addresses of this machine; 0 picks a free one
    #[arg(long, default_value_t = 16443)]
    port: u16,
    /// TCP port for querying and injecting faults; 0 picks a free one
    #[arg(long, default_value_t = 16100)]
    control_port: u16,
    /// HTTP instead of HTTPS
    #[arg(long)]
    plain: bool,
    /// ThermalSubsystem, PowerSubsystem and Sensors instead of Thermal and Power
    #[arg(long)]
    modern: bool,
    /// Number of sessions that each has
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    sessions: u32,
    /// Percentage of BMCs that never answer
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    dead: u32,
    /// Percentage of BMCs that answer late
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    slow: u32,
    /// Time after which a late BMC answers
    #[arg(long, default_value = "30s", value_parser = span::parse)]
    slow_by: Duration,
    /// End when standard input closes, so as not to outlive the parent
    #[arg(long)]
    exit_with_stdin: bool,
}

#[derive(Debug, Args)]
struct Counters {
    /// Number of devices
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    devices: u32,
    /// Address to listen on
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind: IpAddr,
    /// The devices use the ports after this one; 0 picks free ports
    #[arg(long, default_value_t = 16100)]
    base_port: u16,
    /// TCP port for querying and injecting faults; 0 picks a free one [default: the base port]
    #[arg(long)]
    control_port: Option<u16>,
    /// The seed of all randomness
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// A fault from the start, with the share of the devices that it affects; may be repeated
    #[arg(long, value_name = "FAULT[@SHARE]")]
    fault: Vec<counters::FaultShare>,
    /// End when standard input closes, so as not to outlive the parent
    #[arg(long)]
    exit_with_stdin: bool,
}

impl Cli {
    /// Carries out the command.
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
                dead,
                slow,
                slow_by,
                exit_with_stdin,
            } => {
                let config = swarm::Config {
                    count,
                    first_address,
                    port,
                    interfaces,
                    dead,
                    slow,
                    slow_by,
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
            Command::Bmcs(flags) => {
                let runtime = tokio::runtime::Runtime::new()?;
                Ok(runtime.block_on(bmcs::run(&flags.into()))?)
            }
            Command::Counters(flags) => {
                let runtime = tokio::runtime::Runtime::new()?;
                Ok(runtime.block_on(counters::run(&flags.into()))?)
            }
            Command::Fault {
                control,
                device,
                fault,
            } => received(&control, device, fault),
            Command::Show { control, device } => show(&control, &Request::Show { device }),
            Command::Truth { control, device } => show(&control, &Request::Truth { device }),
        }
    }
}

impl From<Bmcs> for bmcs::Config {
    fn from(flags: Bmcs) -> Self {
        Self {
            count: flags.count,
            first_address: flags.first_address,
            port: flags.port,
            control_port: flags.control_port,
            is_plain: flags.plain,
            model: match flags.modern {
                true => BmcModel::Modern,
                false => BmcModel::Classic,
            },
            limits: Limits {
                sessions: flags.sessions as usize,
                ..Limits::default()
            },
            dead: flags.dead,
            slow: flags.slow,
            slow_by: flags.slow_by,
            exit_with_stdin: flags.exit_with_stdin,
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

/// Injects a fault, and prints the faults that the device has afterwards.
fn received(control: &str, device: String, fault: String) -> anyhow::Result<()> {
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
