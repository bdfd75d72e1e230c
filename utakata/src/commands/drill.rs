//! `utakata drill`: proves that no control is lost or done twice, whatever is killed. The drill is
//! a program of its own, which takes the place of this one.

use std::{
    fs::File, io::Read, os::unix::process::CommandExt as _, path::PathBuf, process, time::Duration,
};

use anyhow::{Context as _, Result};
use clap::Args;
use utakata_model::duration;
use utakata_up::{
    drill::{FAULTS, Format as Printed, PROGRAM, Permits, Request, Settings},
    paths, programs,
};

use super::Context;
use crate::{
    exit::{Exit, Usage},
    output::{Format, no_csv},
};

#[derive(Debug, Args)]
#[command(after_help = "\
Simulated devices count what they are told, while an ordinary client keeps asking for control,
the inter connect loses, doubles and delays messages, and workers, environments, the logic
environment, or all of them at once, are killed (kill -9) and started again. At the end the ledger
is compared with the devices. Exit code 0 only if nothing was lost, done twice or told wrongly.
Nothing that runs on this machine is touched. Ctrl-C ends it early, and compares.

Faults of messages are chances from 0 to 1: lose, double, reorder (within a call), late (overtaken
by others), delay (a call takes longer), fail (a call fails). max-delay bounds late and delay. What
may be lost is may-lose=expendable (reads and readings), protocol (also what the permit of control
repeats; the default) or anything (also control tasks: that breaks what is promised).

Examples:
  utakata drill
  utakata drill --minutes 10 --devices 200 --kill-every 1s
  utakata drill --for 60s --seed 7 --keep /tmp/drill   again, and keep data and logs")]
pub struct Arguments {
    /// For how long things are killed, in minutes
    #[arg(long, value_name = "M", conflicts_with = "time")]
    minutes: Option<u32>,
    /// For how long things are killed
    #[arg(long = "for", id = "time", default_value = "60s", value_name = "TIME", value_parser = duration::parse)]
    time: Duration,
    /// How many devices are simulated
    #[arg(long, default_value_t = 40, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    devices: u32,
    /// What is asked for, what is killed and what goes wrong follow from it [default: any]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How often something is killed, on the average
    #[arg(long, default_value = "3s", value_name = "TIME", value_parser = duration::parse)]
    kill_every: Duration,
    /// What goes wrong with messages, each with its chance
    #[arg(long, default_value = FAULTS, value_name = "FAULTS")]
    faults: String,
    /// How many operations are under way at a time
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    in_flight: u16,
    /// How many operations are sent in a second [default: as fast as they are done]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: Option<u32>,
    /// Use this folder, which must be empty, and keep it: data and logs of every process
    #[arg(long, value_name = "DIR", value_parser = paths::absolute())]
    keep: Option<PathBuf>,
    /// With real servers between the processes, which are killed, too: a folder with
    /// rabbitmq.sh, mosquitto.sh and postgres.sh, such as tests/servers of a checkout
    #[arg(long, value_name = "DIR", value_parser = paths::absolute())]
    servers: Option<PathBuf>,
    /// With workers that are containers, of a Docker engine that is started for them, and killed,
    /// too: a folder with dockerd.sh, such as tests/servers of a checkout. It needs root
    #[arg(long, value_name = "DIR", value_parser = paths::absolute(), conflicts_with = "servers")]
    docker: Option<PathBuf>,
    /// Roll one release of the drilled kind after the other meanwhile
    #[arg(long)]
    rollouts: bool,
    /// In place of killing, cut the environments off from the servers for so long, and measure
    #[arg(long, value_name = "TIME", requires = "servers", value_parser = duration::parse)]
    cut: Option<Duration>,
    /// The clocks of processes that were killed and come back are wrong by so much, either way:
    /// needs libfaketime (Debian: faketime)
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    skew: Option<Duration>,
    /// Environments begin without permits: to show that doubles are found
    #[arg(long, hide = true)]
    without_permits: bool,
}

/// Becomes the drill. Returns only when it cannot.
pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<Exit> {
    let request = Request {
        settings: settings(arguments)?,
        format: match context.output.format {
            Format::Table => Printed::Text,
            Format::Json => Printed::Json,
            Format::Yaml => Printed::Yaml,
            Format::Csv => return Err(no_csv()),
        },
        colours: context.output.colours(),
    };
    let request = serde_json::to_string(&request).context("the drill cannot be told of it")?;
    let absent = "the program utakata-drill must lie beside utakata: `cargo build` builds both";
    let program = programs::find(PROGRAM).context(absent)?;
    let error = process::Command::new(&program)
        .arg("run")
        .arg(request)
        .exec();
    Err(error).with_context(|| format!("{} cannot be started", program.display()))
}

fn settings(arguments: &Arguments) -> Result<Settings> {
    if arguments.kill_every.is_zero() {
        return Err(Usage("--kill-every must be more than 0s".into()).into());
    }
    let minutes = arguments.minutes.map(|minutes| 60 * u64::from(minutes));
    Ok(Settings {
        time: minutes.map_or(arguments.time, Duration::from_secs),
        devices: arguments.devices,
        seed: arguments.seed.map_or_else(any_seed, Ok)?,
        kill_every: arguments.kill_every,
        faults: arguments.faults.clone(),
        in_flight: arguments.in_flight.into(),
        rate: arguments.rate,
        keep: arguments.keep.clone(),
        servers: arguments.servers.clone(),
        docker: arguments.docker.clone(),
        cut: arguments.cut,
        skew: arguments.skew,
        rolls: arguments.rollouts,
        permits: match arguments.without_permits {
            true => Permits::Ignored,
            false => Permits::Asked,
        },
    })
}

/// A seed that nobody has thought of: short, because people type it.
fn any_seed() -> Result<u64> {
    let mut bytes = [0; 4];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context("there are no random numbers: give --seed N")?;
    Ok(u32::from_le_bytes(bytes).into())
}
