//! `utakata wee`: one worker execution environment alone, over an inter connect.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result};
use clap::Args;
use utakata_execution::{Handle, Identity, takeover::Takeover};
use utakata_model::{EnvironmentId, Zone};

use super::{Context, End};
use crate::{
    Alteration,
    claim::Claim,
    config::{self, Config, Override},
    descriptors,
    enrolment::Enrolment,
    execution,
    folder::Folder,
    inter_connect::{Client, InterConnect},
    join, log, paths,
    probes::{Probes, Subject},
    replace::{self, Ends, Ready},
    signals::{Signals, hung_up},
};

#[derive(Debug, Args)]
#[command(after_help = "\
There may be many, each with its own data directory and name: any environment of a zone serves every
target of that zone. It talks to `utakata le` over brokers: interconnect.amqp.url and
interconnect.mqtt.url. Put workers of your own into DATA/releases.

Examples:
  utakata wee --config /etc/utakata/wee.toml --data /var/lib/utakata --id hall-1-a --zone hall-1
  utakata wee --hub /run/utakata/hub.sock --data wee-1 --id wee-1   on one machine, for trying")]
pub struct Arguments {
    /// The socket of `utakata hub`, in place of brokers
    #[arg(long, value_name = "PATH", value_parser = paths::absolute())]
    hub: Option<PathBuf>,
    /// The name of the environment, unique among all [default: the name of the host]
    #[arg(long, value_name = "NAME")]
    id: Option<EnvironmentId>,
    /// The zone whose targets it serves
    #[arg(long, value_name = "ZONE")]
    zone: Option<Zone>,
    /// The configuration [default: utakata.toml in the data directory]
    #[arg(long, value_name = "FILE", value_parser = paths::absolute())]
    config: Option<PathBuf>,
    /// Says whether this program can take over what one of this version has left, and ends
    #[arg(long, value_name = "VERSION", hide = true)]
    takes_over: Option<u32>,
    #[command(flatten)]
    end: End,
}

/// The time to get ready for the new program.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(30);

/// Starts, runs until a signal, drains.
pub fn run(arguments: &Arguments, context: &Context<'_>) -> Result<()> {
    log::start(context.log.clone())?;
    let folder = context.folder(Folder::default_place)?;
    let file = config::file(arguments.config.as_deref(), Some(folder.path()));
    let mut overrides = config::from_environment(std::env::vars());
    let id = arguments.id.iter();
    overrides.extend(id.map(|id| Override::flag("--id", "execution.id", id)));
    let zone = arguments.zone.iter();
    overrides.extend(zone.map(|zone| Override::flag("--zone", "execution.zone", zone)));
    let mut config = config::load(file.as_deref(), &overrides)?;
    if let Some(version) = arguments.takes_over {
        return replace::check(version);
    }
    descriptors::share_out(&mut config);
    context.alteration.execution(&mut config.execution);
    let takeover = replace::received().and_then(|takeover| {
        if let Some(takeover) = &takeover {
            takeover.check(&config.execution)?;
        }
        Ok(takeover)
    });
    let takeover = takeover.unwrap_or_else(|error| {
        let error = format!("{error:#}");
        tracing::error!(
            error,
            "nothing is taken over: this is another life of the environment"
        );
        None
    });
    let signals = listen(arguments)?;
    let claim = Claim::take(folder)?;
    replace::clean(claim.folder().path());
    let alteration = context.alteration;
    let serving = serve(arguments, config, &claim, takeover, signals, alteration);
    super::run(serving)
}

/// Blocks signals before any thread starts: threads and workers inherit the mask of the first
/// thread.
fn listen(arguments: &Arguments) -> Result<Signals> {
    let early = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    let _inside = early.enter();
    let signals = arguments.end.listen()?;
    replace::let_signals_in()?;
    Ok(signals)
}

async fn serve(
    arguments: &Arguments,
    mut config: Config,
    claim: &Claim,
    takeover: Option<Takeover>,
    mut signals: Signals,
    alteration: &dyn Alteration,
) -> Result<()> {
    let probes = Probes::start(&config.probes).await?;
    let within = config.stop.within;
    let identity = Identity::build(&config.execution).context("set execution.id")?;
    let is_taken_over = takeover.is_some();
    let has_secret = config.execution.join_file.is_some();
    config.execution.join_file = join::file(config.execution.join_file);
    let enrolment = Enrolment::load(claim.folder().path(), &config.execution)?;
    let identity = enrolment.enrol(identity);
    let identity = match &takeover {
        Some(takeover) => identity.after(takeover),
        None => identity,
    };
    let will = identity.will();
    let folder = claim.folder().path();
    let signatures = Arc::new(enrolment.signatures(&config.execution, folder, has_secret)?);
    let client = Client {
        name: format!("utakata-wee-{}", will.id),
        will: Some(&will),
        signatures: signatures.clone(),
    };
    let connecting = InterConnect::connect(
        arguments.hub.as_deref(),
        config.interconnect.clone(),
        client,
        alteration,
    );
    let Some(mut inter_connect) = super::started(&mut signals, connecting).await? else {
        return Ok(());
    };
    let identity = identity.with(inter_connect.connections());
    let (tasks, events) = (inter_connect.tasks(), inter_connect.events());
    let keys = enrolment.keys;
    let environment = execution::builder(config.execution, folder, tasks, events, keys)?;
    let environment = environment.identity(identity);
    // Over a hub nothing crosses a network.
    let environment = match arguments.hub {
        Some(_) => environment,
        None => environment.signatures(signatures),
    };
    let environment = execution::start(match takeover {
        Some(takeover) => environment.takeover(takeover),
        None => environment,
    })?;
    probes.serve(Subject {
        execution: Some(environment.clone()),
        connections: inter_connect.connections(),
        ..Subject::default()
    });
    tracing::info!(id = %environment.status().id, "the environment is ready");
    let ended = match Ends::received() {
        Ends::Yes if is_taken_over => Ended::Drains(Ok(())),
        _ => live(&environment, folder, &mut inter_connect, &mut signals).await,
    };
    match ended {
        Ended::Left(ready) => {
            let ends = hang_up(inter_connect, &mut signals).await;
            Err(ready.become_it(ends))
        }
        Ended::Drains(ended) => {
            probes.drain();
            let drained = async {
                execution::drain(&environment, within).await;
                inter_connect.close().await;
            };
            super::drain(&mut signals, drained).await?;
            ended
        }
    }
}

/// The ways in which an environment in this program ends.
enum Ended {
    /// It is about to end.
    Drains(Result<()>),
    /// Another program continues it.
    Left(Ready),
}

async fn live(
    environment: &Handle,
    folder: &Path,
    inter_connect: &mut InterConnect,
    signals: &mut Signals,
) -> Ended {
    let mut hangup = signals.take_hangup();
    let broken = async {
        environment.ended().await;
        anyhow::anyhow!("the worker execution environment has ended by itself")
    };
    tokio::pin!(broken);
    loop {
        tokio::select! {
            ended = super::end(signals, &mut broken) => return Ended::Drains(ended),
            () = hung_up(&mut hangup) => {}
        }
        let left = tokio::select! {
            ended = super::end(signals, &mut broken) => return Ended::Drains(ended),
            left = leave(environment, folder) => left,
        };
        let aside = match left {
            Ok(ready) => inter_connect.step_aside().await.map(|()| ready),
            Err(error) => Err(error),
        };
        match aside {
            Ok(ready) => return Ended::Left(ready),
            Err(error) => {
                environment.go_on().await;
                let error = format!("{error:#}");
                tracing::error!(error, "not replaced by the program now at this path");
            }
        }
    }
}

/// Prepares everything for the program that is now at the path of this one. An error means that it
/// cannot take over, or not now.
async fn leave(environment: &Handle, folder: &Path) -> Result<Ready> {
    let program = replace::probe().await?;
    tracing::info!(program = %program.display(), "another program takes over");
    let takeover = environment.leave(LEAVE_TIMEOUT).await?;
    replace::write(program, folder, takeover)
}

/// Disconnects from the inter connect. Returns whether the end was requested meanwhile.
async fn hang_up(inter_connect: InterConnect, signals: &mut Signals) -> Ends {
    let hanging_up = inter_connect.close();
    tokio::pin!(hanging_up);
    tokio::select! {
        biased;
        _ = signals.end_requested() => {}
        () = &mut hanging_up => return Ends::No,
    }
    hanging_up.await;
    Ends::Yes
}
