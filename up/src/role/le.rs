//! `utakata le`: a logic environment alone, over an inter connect.

use std::{path::PathBuf, sync::Arc};

use anyhow::Result;
use clap::Args;
use utakata_logic::signatures::SiteSignatures;

use super::{Context, End, Listening};
use crate::{
    Alteration,
    claim::Claim,
    config::{self, Config},
    dead_letters, descriptors,
    folder::Folder,
    inter_connect::{Client, InterConnect},
    join, log,
    logic::{Logic, Ports},
    paths,
    probes::{Probes, Subject},
};

#[derive(Debug, Args)]
#[command(after_help = "\
It has the data directory and the API of `utakata up`. The workers run in `utakata wee`, over the
same brokers: interconnect.amqp.url and interconnect.mqtt.url. With PostgreSQL (logic.store.url)
there may be several logic environments, each with its own data directory and logic.id; each of
them answers every request. See docs/guide/large-sites.md.

Examples:
  utakata le --config /etc/utakata/le.toml --data /var/lib/utakata
  utakata le --hub /run/utakata/hub.sock --data /var/lib/utakata   on one machine, for trying")]
pub struct Arguments {
    /// The socket of `utakata hub`, in place of brokers
    #[arg(long, value_name = "PATH", value_parser = paths::absolute())]
    hub: Option<PathBuf>,
    #[command(flatten)]
    listening: Listening,
    /// The configuration [default: utakata.toml in the data directory]
    #[arg(long, value_name = "FILE", value_parser = paths::absolute())]
    config: Option<PathBuf>,
    #[command(flatten)]
    end: End,
}

/// Starts, runs until a signal, drains.
pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<()> {
    log::start(context.log.clone())?;
    let folder = context.folder(Folder::default_place)?;
    let file = config::file(arguments.config.as_deref(), Some(folder.path()));
    let mut overrides = config::from_environment(std::env::vars());
    overrides.extend(arguments.listening.overrides());
    let mut config = config::load(file.as_deref(), &overrides)?;
    context.alteration.logic(&mut config.logic);
    descriptors::share_out(&mut config);
    let mut claim = Claim::take(folder)?;
    if let Some(file) = &config.logic.http.token_file {
        claim.adopt_token(file)?;
    }
    let ended = super::run(serve(arguments, config, &claim, context.alteration));
    claim.withdraw();
    ended
}

async fn serve(
    arguments: &Arguments,
    mut config: Config,
    claim: &Claim,
    alteration: &dyn Alteration,
) -> Result<()> {
    let mut signals = arguments.end.listen()?;
    let probes = Probes::start(&config.probes).await?;
    let within = config.stop.within;
    let signatures = Arc::new(SiteSignatures::new());
    let client = Client {
        name: format!("utakata-le-{}", config.logic.name()?),
        will: None,
        signatures: signatures.clone(),
    };
    let connecting = InterConnect::connect(
        arguments.hub.as_deref(),
        config.interconnect.clone(),
        client,
        alteration,
    );
    let Some(inter_connect) = super::started(&mut signals, connecting).await? else {
        return Ok(());
    };
    let environments = &mut config.logic.environments;
    environments.join_file = join::file(environments.join_file.take());
    let mut links = inter_connect.links();
    // Over a hub nothing crosses a network.
    links.signatures = links.has_broker.then_some(signatures);
    let starting = Logic::start(config, claim, Ports::AsConfigured, links);
    let mut logic = tokio::select! {
        logic = starting => logic?,
        signal = signals.end_requested() => {
            tracing::info!(signal, "ended before it had started");
            inter_connect.close().await;
            return Ok(());
        }
    };
    let letters = inter_connect.dead_letters().map(dead_letters::tell);
    let telling = letters.map(tokio::spawn);
    claim.announce(logic.endpoint())?;
    probes.serve(Subject {
        logic: Some(logic.handle().clone()),
        ..Subject::default()
    });
    tracing::info!(url = logic.endpoint().url, "the logic environment is ready");
    let ended = super::end(&mut signals, logic.broken()).await;
    probes.drain();
    let drained = async {
        if let Some(telling) = telling {
            telling.abort();
        }
        logic.drain(within).await;
        inter_connect.close().await;
    };
    super::drain(&mut signals, drained).await?;
    ended
}
