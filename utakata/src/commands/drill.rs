//! `utakata drill`: tests that no control is lost or done twice, whatever is killed. The drill is a
//! separate program, which replaces this one.

use std::{
    fs::File, io::Read, os::unix::process::CommandExt as _, path::PathBuf, process, time::Duration,
};

use anyhow::{Context as _, Result};
use clap::Args;
use utakata_model::duration;
use utakata_up::{
    drill::{Envelopes, FAULTS, Format as Printed, PROGRAM, Permits, Request, Settings},
    paths, programs,
};

use super::Context;
use crate::{
    exit::{Exit, Usage},
    output::{Format, no_csv},
};

#[derive(Debug, Args)]
#[command(after_help = "\
Simulated devices count the commands that they receive, while an ordinary client keeps requesting
control, the inter connect loses, duplicates and delays messages, and workers, environments, the
logic environment, or all of them at once, are killed (kill -9) and started again. At the end the
ledger is compared with the devices. The exit code is 0 only if nothing was lost, done twice or
reported wrongly. Other processes on this machine are not touched. Ctrl-C ends the drill early, with
the comparison.

Faults of messages have probabilities from 0 to 1: lose, double, reorder (within a call), late
(overtaken by others), delay (a call takes longer), fail (a call fails). max-delay limits late and
delay. may-lose sets which messages may be lost: expendable (reads and readings), protocol (also
those that the permit of control repeats; the default) or anything (also control tasks, which breaks
the promises).

Examples:
  utakata drill
  utakata drill --minutes 10 --devices 200 --kill-every 1s
  utakata drill --policies --minutes 10
  utakata drill --for 60s --seed 7 --keep /tmp/drill   repeat it, and keep data and logs")]
pub struct Arguments {
    /// Duration of the drill, in minutes
    #[arg(long, value_name = "M", conflicts_with = "time")]
    minutes: Option<u32>,
    /// Duration of the drill
    #[arg(long = "for", id = "time", default_value = "60s", value_name = "TIME", value_parser = duration::parse)]
    time: Duration,
    /// Number of simulated devices
    #[arg(long, default_value_t = 40, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    devices: u32,
    /// Seed of the operations, the disasters and the faults [default: random]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Average time between two disasters
    #[arg(long, default_value = "3s", value_name = "TIME", value_parser = duration::parse)]
    kill_every: Duration,
    /// Faults of messages, each with its probability
    #[arg(long, default_value = FAULTS, value_name = "FAULTS")]
    faults: String,
    /// Number of operations under way at a time
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    in_flight: u16,
    /// Operations sent per second [default: as fast as they finish]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: Option<u32>,
    /// Empty folder to use and keep, with the data and logs of every process
    #[arg(long, value_name = "DIR", value_parser = paths::absolute())]
    keep: Option<PathBuf>,
    /// Put real servers between the processes and kill them, too: a folder with rabbitmq.sh,
    /// mosquitto.sh and postgres.sh, such as tests/servers of a checkout
    #[arg(long, value_name = "DIR", value_parser = paths::absolute())]
    servers: Option<PathBuf>,
    /// Run the workers in containers of a Docker engine that is started for the drill, and killed,
    /// too: a folder with dockerd.sh, such as tests/servers of a checkout. Needs root
    #[arg(long, value_name = "DIR", value_parser = paths::absolute(), conflicts_with = "servers")]
    docker: Option<PathBuf>,
    /// Run the workers as pods of a Kubernetes cluster that the drill has itself: they are killed
    /// and evicted, nodes are drained, and its API server is away
    #[arg(long, conflicts_with_all = ["servers", "docker"])]
    kubernetes: bool,
    /// Roll out one release after the other of the drilled kind
    #[arg(long)]
    rollouts: bool,
    /// Cut the environments off from the servers for this time, instead of killing, and measure
    #[arg(long, value_name = "TIME", requires = "servers", value_parser = duration::parse)]
    cut: Option<Duration>,
    /// Set the clocks of restarted processes wrong by up to this much, either way: needs
    /// libfaketime (Debian: faketime)
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    skew: Option<Duration>,
    /// Arm a policy in a simulated room, where a utility feed fails at random and a breaker trips if
    /// nothing is done, in place of an ordinary client
    #[arg(long, conflicts_with_all = ["servers", "docker", "kubernetes", "rollouts", "skew", "devices", "in_flight", "rate"])]
    policies: bool,
    /// Let environments begin without permits, to show that tasks done twice are found
    #[arg(long, hide = true)]
    without_permits: bool,
    /// Let the ledger ask no envelope, to show that acts outside of one are found
    #[arg(long, hide = true, requires = "policies")]
    without_envelopes: bool,
}

/// Replaces this process by the drill. Returns only if that fails.
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
    let request = serde_json::to_string(&request).context("the drill cannot be notified")?;
    let absent = "the program utakata-drill must be next to utakata: `cargo build` builds both";
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
        kubernetes: arguments.kubernetes,
        cut: arguments.cut,
        skew: arguments.skew,
        rolls: arguments.rollouts,
        policies: arguments.policies,
        envelopes: match arguments.without_envelopes {
            true => Envelopes::Ignored,
            false => Envelopes::Asked,
        },
        permits: match arguments.without_permits {
            true => Permits::Ignored,
            false => Permits::Asked,
        },
    })
}

/// Returns a random seed, short enough to type.
fn any_seed() -> Result<u64> {
    let mut bytes = [0; 4];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context("there are no random numbers: give --seed N")?;
    Ok(u32::from_le_bytes(bytes).into())
}
