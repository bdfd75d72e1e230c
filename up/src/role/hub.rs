//! `utakata hub`: an inter connect for the processes of this machine.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use utakata_interconnect::hub::{Config, Hub};

use super::{Context, End};
use crate::{Links, log, paths};

#[derive(Debug, Args)]
#[command(after_help = "\
It moves tasks and events between `utakata le` and `utakata wee` on one machine, and needs nothing
installed. It keeps everything in memory. Use it for drills and tests.

Example: utakata hub --socket /run/utakata/hub.sock")]
pub struct Arguments {
    /// The socket to listen on; only this user can connect to it
    #[arg(long, value_name = "PATH", value_parser = paths::absolute())]
    socket: PathBuf,
    #[command(flatten)]
    end: End,
}

/// Serves until a signal arrives.
pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<()> {
    log::start(context.log.clone())?;
    super::run(serve(arguments, context))
}

async fn serve(arguments: &Arguments, context: &Context<'_>) -> Result<()> {
    let mut signals = arguments.end.listen()?;
    let links = context.alteration.links(Links::embedded());
    let hub = Hub::serve(Config::new(&arguments.socket), links.tasks, links.events).await?;
    tracing::info!(socket = %hub.path().display(), "the hub serves");
    let ended = super::end(&mut signals, std::future::pending()).await;
    super::drain(&mut signals, hub.stop()).await?;
    ended
}
