//! Simulated equipment: rooms of PDUs and UPSs that answer real SNMP.

mod bent;
mod blueprint;
mod chance;
mod cli;
mod control;
mod counters;
mod device;
mod fault;
mod mib;
mod room;
mod service;
mod span;
mod swarm;
mod units;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

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
