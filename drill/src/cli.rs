//! The arguments of this program: a drill, given by `utakata drill`, or a role, given by the drill.

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

use crate::{
    drill,
    faults::{self, Faults},
    policies,
};

/// The drill of utakata, started by `utakata drill`
#[derive(Debug, Parser)]
#[command(name = "utakata-drill", version)]
pub enum Command {
    /// Carry out a drill as requested by `utakata drill`, in JSON
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

/// The data directory of a role.
#[derive(Debug, clap::Args)]
pub struct Data {
    /// The data directory
    #[arg(long, value_name = "DIR", value_parser = utakata_up::paths::absolute())]
    data: std::path::PathBuf,
}

impl Command {
    pub fn run(self) -> ExitCode {
        let ended = match self {
            Self::Run { request } => drilled(&request),
            Self::Hub { arguments, faults } => {
                let context = context(None, &faults);
                hub::run(&arguments, &context).map(|()| ExitCode::SUCCESS)
            }
            Self::Le {
                arguments,
                faults,
                data,
            } => {
                let context = context(Some(data), &faults);
                le::run(&arguments, &context).map(|()| ExitCode::SUCCESS)
            }
            Self::Wee {
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

/// Carries out a drill, and reports. Fails if a promise was broken.
fn drilled(request: &str) -> Result<ExitCode> {
    let request: Request = serde_json::from_str(request)
        .context("the request cannot be understood: is utakata another version?")?;
    faults::check(&request.settings.faults)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    let settings = &request.settings;
    let (is_clean, text) = runtime.block_on(async {
        let signals = Signals::take().context("signals cannot be listened to")?;
        if settings.policies {
            let report = policies::run(settings, signals).await?;
            let text = || report.text(request.colours);
            return Ok((report.is_clean(), printed(&report, text, request.format)?));
        }
        let report = drill::run(settings, signals).await?;
        let text = || report.text(request.colours);
        anyhow::Ok((report.is_clean(), printed(&report, text, request.format)?))
    })?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}", text.trim_end_matches('\n'))
        .and_then(|()| out.flush())
        .context("nothing can be written to standard output")?;
    Ok(match is_clean {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Returns a report as it is printed.
fn printed(
    report: &impl serde::Serialize,
    text: impl FnOnce() -> String,
    format: Format,
) -> Result<String> {
    Ok(match format {
        Format::Text => text(),
        Format::Json => serde_json::to_string_pretty(report)?,
        Format::Yaml => utakata_documents::write::yaml([&serde_json::to_value(report)?])?,
    })
}
