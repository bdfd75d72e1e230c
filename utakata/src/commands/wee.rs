//! `utakata wee`: one worker execution environment alone, over an inter connect.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use utakata_interconnect::hub::HubClient;
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
    up::{claim::Claim, execution},
};

#[derive(Debug, Args)]
#[command(after_help = "\
There may be many, each with a data directory and a name of its own: any environment of a zone
serves every target of that zone. Workers of your own go to DATA/releases.

Example:
  utakata wee --hub /run/utakata/hub.sock --data /var/lib/utakata-wee-1 --id wee-1 --zone hall-1")]
pub struct Arguments {
    /// The socket of `utakata hub`
    #[arg(long, value_name = "PATH")]
    hub: PathBuf,
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
    let hub = HubClient::connect(&arguments.hub).await?;
    let folder = claim.folder().path();
    let environment = execution::start(config.execution, folder, hub.tasks(), hub.events()).await?;
    tracing::info!(id = %environment.status().id, "the environment is ready");
    let broken = async {
        environment.ended().await;
        anyhow::anyhow!("the worker execution environment has ended by itself")
    };
    let ended = role::end(&mut signals, broken).await;
    let drained = async {
        execution::drain(&environment).await;
        hub.close().await;
    };
    role::drain(&mut signals, drained).await?;
    ended
}
