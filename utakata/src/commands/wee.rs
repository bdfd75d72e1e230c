//! `utakata wee`: one worker execution environment alone, over an inter connect.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use utakata_execution::Identity;
use utakata_model::{EnvironmentId, Zone};

use super::{
    Context,
    role::{self, End},
};
use crate::{
    config::{self, Config, Override},
    exit::Exit,
    folder::Folder,
    log,
    up::{
        claim::Claim,
        execution,
        inter_connect::{Client, InterConnect},
    },
};

#[derive(Debug, Args)]
#[command(after_help = "\
There may be many, each with a data directory and a name of its own: any environment of a zone
serves every target of that zone. It talks to `utakata le` over brokers: interconnect.amqp.url and
interconnect.mqtt.url. Workers of your own go to DATA/releases.

Examples:
  utakata wee --config /etc/utakata/wee.toml --data /var/lib/utakata --id hall-1-a --zone hall-1
  utakata wee --hub /run/utakata/hub.sock --data wee-1 --id wee-1   on one machine, for trying")]
pub struct Arguments {
    /// The socket of `utakata hub`, in place of brokers
    #[arg(long, value_name = "PATH")]
    hub: Option<PathBuf>,
    /// The name of the environment, unique among all [default: the name of the host]
    #[arg(long, value_name = "NAME")]
    id: Option<EnvironmentId>,
    /// The zone whose targets it serves
    #[arg(long, value_name = "ZONE")]
    zone: Option<Zone>,
    /// The configuration [default: utakata.toml in the data directory]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    end: End,
}

/// Starts, runs until a signal, drains.
pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<Exit> {
    log::start(context.output);
    let folder = super::data_folder(context, Folder::default_place)?;
    let file = config::file(arguments.config.as_deref(), Some(folder.path()));
    let mut overrides = config::from_environment(std::env::vars());
    let id = arguments.id.iter();
    overrides.extend(id.map(|id| Override::flag("--id", "execution.id", id)));
    let zone = arguments.zone.iter();
    overrides.extend(zone.map(|zone| Override::flag("--zone", "execution.zone", zone)));
    let config = config::load(file.as_deref(), &overrides)?;
    let claim = Claim::take(folder)?;
    role::run(serve(arguments, config, &claim))
}

async fn serve(arguments: &Arguments, config: Config, claim: &Claim) -> Result<Exit> {
    let mut signals = arguments.end.listen()?;
    let identity = Identity::build(&config.execution).context("set execution.id")?;
    let will = identity.will();
    let client = Client {
        name: format!("utakata-wee-{}", will.id),
        will: Some(&will),
    };
    let hub = arguments.hub.as_deref();
    let inter_connect = InterConnect::connect(hub, config.interconnect.clone(), client).await?;
    let identity = identity.with(inter_connect.connections());
    let folder = claim.folder().path();
    let (tasks, events) = (inter_connect.tasks(), inter_connect.events());
    let starting = execution::start_as(identity, config.execution, folder, tasks, events);
    let environment = starting.await?;
    tracing::info!(id = %environment.status().id, "the environment is ready");
    let broken = async {
        environment.ended().await;
        anyhow::anyhow!("the worker execution environment has ended by itself")
    };
    let ended = role::end(&mut signals, broken).await;
    let drained = async {
        execution::drain(&environment).await;
        inter_connect.close().await;
    };
    role::drain(&mut signals, drained).await?;
    ended
}
