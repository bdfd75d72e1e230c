//! `utakata up`: everything on this machine, in one process.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use clap::Args;
use utakata_api::{Client, apply::Apply};

use super::{Context, End, Listening};
use crate::{
    claim::Claim,
    config::{self, Config},
    demo::{self, Room},
    descriptors,
    folder::{Endpoint, Folder},
    log,
    logic::Ports,
    paths,
    probes::Probes,
    system::System,
};

#[derive(Debug, Args)]
#[command(after_help = "\
It is configured by a file (TOML), overridden by environment variables
(UTAKATA__LOGIC__HTTP__LISTEN=...) and these by flags; `utakata config reference` lists every key.
Put workers of your own into DATA/releases, each in a folder with its worker.toml, and profiles of
SNMP devices into DATA/profiles; both take effect at once.

On Ctrl-C or SIGTERM it finishes the running tasks and ends; on the second one it ends at once.

Examples:
  utakata up --demo
  utakata up
  utakata up --data /var/lib/utakata --listen 10.0.0.5:7700 --mqtt off")]
pub struct Arguments {
    /// Simulate a room of PDUs, UPSs and cooling units, and observe it; keeps its data apart
    #[arg(long)]
    demo: bool,
    #[command(flatten)]
    listening: Listening,
    /// The configuration [default: utakata.toml in the data directory]
    #[arg(long, value_name = "FILE", value_parser = paths::absolute())]
    config: Option<PathBuf>,
    #[command(flatten)]
    end: End,
}

/// Everything that is running once `up` is ready.
#[derive(Debug)]
pub struct Ready<'a> {
    /// The addresses of the API and of the MQTT broker.
    pub endpoint: &'a Endpoint,
    pub folder: &'a Folder,
    /// The simulated room of a demo.
    pub room: Option<&'a Room>,
    /// The time that the start took.
    pub took: Duration,
}

/// Starts, announces that it is ready, runs until a signal, drains.
pub fn run(
    arguments: &Arguments,
    context: &Context<'_>,
    tell: impl FnOnce(&Ready<'_>) -> Result<()>,
) -> Result<()> {
    let began = Instant::now();
    log::start(context.log.clone())?;
    let default = if arguments.demo {
        Folder::demo_place
    } else {
        Folder::default_place
    };
    let folder = context.folder(default)?;
    let mut config = configuration(arguments, &folder)?;
    descriptors::share_out(&mut config);
    let mut claim = Claim::take(folder)?;
    if let Some(file) = &config.logic.http.token_file {
        claim.adopt_token(file)?;
    }
    let tell = |claim: &Claim, endpoint: &Endpoint, room: Option<&Room>| {
        tell(&Ready {
            endpoint,
            folder: claim.folder(),
            room,
            took: began.elapsed(),
        })
    };
    let ended = super::run(serve(arguments, config, &claim, Box::new(tell)));
    claim.withdraw();
    ended
}

fn configuration(arguments: &Arguments, folder: &Folder) -> Result<Config> {
    let file = config::file(arguments.config.as_deref(), Some(folder.path()));
    let mut overrides = config::from_environment(std::env::vars());
    overrides.extend(arguments.listening.overrides());
    Ok(config::load(file.as_deref(), &overrides)?)
}

/// Reports that everything runs.
type Tell<'a> = Box<dyn FnOnce(&Claim, &Endpoint, Option<&Room>) -> Result<()> + 'a>;

async fn serve(arguments: &Arguments, config: Config, claim: &Claim, tell: Tell<'_>) -> Result<()> {
    let mut signals = arguments.end.listen()?;
    let ports = if arguments.demo {
        Ports::OrFree
    } else {
        Ports::AsConfigured
    };
    if arguments.demo {
        let laid_out = demo::lay_out_release(claim.folder().path());
        laid_out.context("the releases of the demo's cooling units cannot be written")?;
    }
    let probes = Probes::start(&config.probes).await?;
    let within = config.stop.within;
    let mut system = System::start(config, claim, ports).await?;
    claim.announce(system.endpoint())?;
    let mut room = None;
    if arguments.demo {
        match furnish(&system, claim).await {
            Ok(started) => room = Some(started),
            Err(error) => {
                system.drain(within, || claim.withdraw()).await;
                return Err(error);
            }
        }
    }
    tell(claim, system.endpoint(), room.as_ref())?;
    probes.serve(system.subject());
    let broken = async {
        tokio::select! {
            error = system.broken() => error,
            never = watch_over(&mut room) => never,
        }
    };
    let ended = super::end(&mut signals, broken).await;
    probes.drain();
    let drained = async {
        system.drain(within, || claim.withdraw()).await;
        if let Some(room) = room {
            room.stop().await;
        }
    };
    super::drain(&mut signals, drained).await?;
    ended
}

/// Starts the simulated room and makes targets of its devices.
async fn furnish(system: &System, claim: &Claim) -> Result<Room> {
    let room = Room::start().await?;
    let apply = Apply {
        documents: room.documents()?,
        delete: Vec::new(),
        dry_run: false,
    };
    let client = Client::new(&system.endpoint().url, claim.token())?;
    client
        .apply(&apply)
        .await
        .context("the demo's devices cannot be made targets")?;
    Ok(room)
}

/// Logs the end of the simulator; everything else continues.
async fn watch_over<T>(room: &mut Option<Room>) -> T {
    if let Some(room) = room {
        let status = room.ended().await;
        tracing::warn!(
            ?status,
            "the simulator has ended: its devices will not answer"
        );
    }
    std::future::pending().await
}
