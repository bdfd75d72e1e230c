//! The drill: a site of simulated devices whose processes are killed all the time, and the proof
//! that no control is lost, done twice or reported wrongly.
//!
//! `utakata drill` becomes this program. It starts others in roles of its own: those of `utakata`,
//! with the faults of a drill in them, which no program that users run contains.

mod cli;
mod cluster;
mod count;
mod crew;
mod cut;
mod dice;
mod disaster;
mod disk;
mod drill;
mod engine;
mod faults;
mod image;
mod invariants;
mod keys;
mod ledger;
mod link;
mod load;
mod member;
mod observed;
mod order;
mod place;
mod policies;
mod release;
mod report;
mod roller;
mod server;
mod servers;
mod show;
mod site;
mod stall;
mod told;
mod truth;
mod watch;

use std::process::ExitCode;

use clap::Parser as _;

/// The allocator of `utakata`, whose roles these are.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::Command::parse().run()
}
