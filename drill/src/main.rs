//! The drill: a site of simulated devices whose processes are killed all the time, and the proof
//! that no control is lost, done twice or told wrongly.
//!
//! `utakata drill` becomes this program. It starts others, as roles of its own: they are those of
//! `utakata`, with the faults of a drill in them, which nothing that users run has.

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
mod ledger;
mod link;
mod load;
mod member;
mod order;
mod place;
mod release;
mod report;
mod roller;
mod server;
mod servers;
mod show;
mod site;
mod stall;
mod truth;

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use anyhow::{Context as _, Result};
use clap::Parser;
use jiff::tz::TimeZone;
use utakata_up::{
    Usage,
    drill::{Format, Request},
    log,
    role::{self, hub, le, wee},
    signals::Signals,
};

use crate::faults::Faults;

/// The allocator of `utakata`, whose roles these are.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The drill of utakata: `utakata drill` starts it
#[derive(Debug, Parser)]
#[command(name = "utakata-drill", version)]
enum Command {
    /// Drill as `utakata drill` asks for, in JSON
    Run {
        /// The request
        request: String,
    },
    /// An inter connect for the processes of this machine, with faults
    Hub {
        #[command(flatten)]
        arguments: hub::Arguments,
        #[command(flatten)]
        faults: Faults,
    },
    /// A logic environment, with faults between it and its brokers
    Le {
        #[command(flatten)]
        arguments: le::Arguments,
        #[command(flatten)]
        faults: Faults,
        #[command(flatten)]
        data: Data,
    },
    /// A worker execution environment, with faults
    Wee {
        #[command(flatten)]
        arguments: wee::Arguments,
        #[command(flatten)]
        faults: Faults,
        #[command(flatten)]
        data: Data,
    },
}

#[derive(Debug, clap::Args)]
struct Data {
    /// The data directory
    #[arg(long, value_name = "DIR", value_parser = utakata_up::paths::absolute())]
    data: std::path::PathBuf,
}

fn main() -> ExitCode {
    let ended = match Command::parse() {
        Command::Run { request } => run(&request),
        Command::Hub { arguments, faults } => {
            let context = context(None, &faults);
            hub::run(&arguments, &context).map(|()| ExitCode::SUCCESS)
        }
        Command::Le {
            arguments,
            faults,
            data,
        } => {
            let context = context(Some(data), &faults);
            le::run(&arguments, &context).map(|()| ExitCode::SUCCESS)
        }
        Command::Wee {
            arguments,
            faults,
            data,
        } => {
            let context = context(Some(data), &faults);
            wee::run(&arguments, &context).map(|()| ExitCode::SUCCESS)
        }
    };
    ended.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        match error.is::<Usage>() {
            true => ExitCode::from(2),
            false => ExitCode::FAILURE,
        }
    })
}

fn context(data: Option<Data>, faults: &Faults) -> role::Context<'_> {
    role::Context {
        data: data.map(|data| data.data),
        log: log::Style {
            colours: io::stderr().is_terminal(),
            zone: TimeZone::system(),
        },
        alteration: faults,
    }
}

/// Drills, and reports. Fails where anything is not as promised.
fn run(request: &str) -> Result<ExitCode> {
    let request: Request = serde_json::from_str(request)
        .context("the request cannot be understood: is utakata of another version?")?;
    faults::check(&request.settings.faults)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    let report = runtime.block_on(async {
        let signals = Signals::take().context("signals cannot be listened to")?;
        drill::run(&request.settings, signals).await
    })?;
    let text = match request.format {
        Format::Text => report.text(request.colours),
        Format::Json => serde_json::to_string_pretty(&report)?,
        Format::Yaml => utakata_documents::write::yaml([&serde_json::to_value(&report)?])?,
    };
    let mut out = io::stdout().lock();
    writeln!(out, "{}", text.trim_end_matches('\n'))
        .and_then(|()| out.flush())
        .context("nothing can be written to standard output")?;
    Ok(match report.is_clean() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
