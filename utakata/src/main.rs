//! The program itself: `utakata up`, and the command line.

#[macro_use]
mod output;

mod authority;
mod cli;
mod commands;
mod connection;
mod exit;
mod global;
mod identifiers;
mod interrupt;
mod logins;
mod moment;
mod parameters;
mod progress;
mod select;

use std::process::ExitCode;

use clap::Parser;

/// Faster than the C library's allocator for many small allocations: see docs/benchmarks.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let output = cli.global.output();
    match cli.run(&output) {
        Ok(exit) => exit.into(),
        Err(error) => {
            output::tell_lines(&output.failure(&error));
            exit::Exit::of(&error).into()
        }
    }
}
