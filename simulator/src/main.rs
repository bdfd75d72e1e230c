//! Simulated equipment: rooms of PDUs, UPSs and cooling units that answer real SNMP, servers whose BMCs
//! speak Redfish, and gateways that speak Modbus.

mod bent;
mod bmc;
mod bmcs;
mod cli;
mod connections;
mod control;
mod counters;
mod device;
mod fault;
mod gateway;
mod mib;
mod moment;
mod service;
mod swarm;
mod thing;
mod upsd;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;
use utakata_room::{self as room, blueprint, chance, span, units};

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("utakata-simulator: {error:#}");
            ExitCode::FAILURE
        }
    }
}
