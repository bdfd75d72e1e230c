//! `utakata environment`: the environments that run workers.

use anyhow::Result;
use clap::{Args, Subcommand};
use utakata_api::{client::EnvironmentVerb as Verb, environment::EnvironmentView};
use utakata_model::{EnvironmentId, Kind, Scope, Zone};

use super::{Context, order};
use crate::exit::{Exit, Usage};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the environments that were heard of, and what is stopped
    #[command(after_help = "Example: utakata environment list -o yaml")]
    List,
    /// Let an environment, a zone, or a kind in it, begin nothing more
    #[command(after_help = "\
What it has begun ends and is told as always; what it had fetched and not begun goes to other
environments of its zone at once. It holds until `resume`, also when something is started again;
an environment that is away hears of it when it comes.

Examples:
  utakata environment pause wee-1 --why 'its switch is replaced'
  utakata environment pause wee-1 --kind snmp
  utakata environment pause --zone hall-1 --why 'its cooling is serviced'")]
    Pause(Arguments),
    /// The same, and stop the workers when what was begun has ended
    #[command(after_help = "\
The environment itself stays, and is listed as drained: then it can be ended and loses nothing.

Examples:
  utakata environment drain wee-1 --why 'the machine gets more memory'
  utakata environment drain wee-1 --kind apc-pdu
  utakata environment drain --zone hall-1")]
    Drain(Arguments),
    /// Let an environment, a zone, or a kind in it, go on
    #[command(after_help = "\
What was asked of a kind is taken back with --kind, what was asked of everything without it.

Examples:
  utakata environment resume wee-1
  utakata environment resume wee-1 --kind snmp
  utakata environment resume --zone hall-1")]
    Resume(Arguments),
    /// Forget an environment that is gone for good, or that has moved to another zone
    #[command(after_help = "\
Its status is taken away from the broker, too, and what was asked of it is taken back. One that is
there is not forgotten, unless it tells of another zone than its own: then it is of that zone from
then on.

Example: utakata environment forget hall-2-a")]
    Forget {
        /// Its id: see `utakata environment list`
        id: EnvironmentId,
    },
}

/// Of which environment, and of what in it.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Its id: see `utakata environment list`
    id: Option<EnvironmentId>,
    /// All environments of this zone, also those that come later
    #[arg(long, value_name = "ZONE", conflicts_with = "id")]
    zone: Option<Zone>,
    /// Only this kind
    #[arg(long, value_name = "KIND")]
    kind: Option<Kind>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

impl Arguments {
    fn scope(&self) -> Result<Scope, Usage> {
        let (id, zone, kind) = (self.id.clone(), self.zone.clone(), self.kind.clone());
        Ok(match (id, zone, kind) {
            (Some(id), _, Some(kind)) => Scope::KindInEnvironment(kind, id),
            (Some(id), _, None) => Scope::Environment(id),
            (None, Some(zone), Some(kind)) => Scope::KindInZone(kind, zone),
            (None, Some(zone), None) => Scope::Zone(zone),
            (None, None, _) => {
                return Err(Usage("say which environment, or which --zone".into()));
            }
        })
    }
}

pub async fn run(command: Command, context: &Context<'_>) -> Result<Exit> {
    match command {
        Command::List => list(context).await?,
        Command::Pause(of) => return order::run(Verb::Pause, of.scope()?, of.why, context).await,
        Command::Drain(of) => return order::run(Verb::Drain, of.scope()?, of.why, context).await,
        Command::Resume(of) => return order::run(Verb::Resume, of.scope()?, of.why, context).await,
        Command::Forget { id } => {
            context.client()?.forget_environment(&id).await?;
            context.output.text(&format!("{id} is forgotten"))?;
        }
    }
    Ok(Exit::Done)
}

async fn list(context: &Context<'_>) -> Result<()> {
    let client = context.client()?;
    let environments = client.environments().await?;
    let output = context.output;
    output.list(&environments, "no environment was heard of yet")?;
    for EnvironmentView {
        status,
        ignored,
        problems,
        ..
    } in &environments
    {
        for problem in problems {
            tell!("{problem}");
        }
        for claim in ignored {
            tell!("ignored: {}", claim.problem);
        }
        for refused in &status.refused {
            tell!(
                "{} refuses the release {}: {}",
                status.id,
                refused.path,
                refused.problem
            );
        }
        if let Some(workers) = status.workers.as_ref().filter(|one| !one.short.is_empty()) {
            let short: Vec<&str> = workers.short.iter().map(Kind::as_str).collect();
            tell!(
                "{} runs {} workers, as many as it may (execution.max_workers): tasks wait of {}",
                status.id,
                workers.most,
                short.join(", ")
            );
        }
        for one in &status.connections {
            let (id, name) = (&status.id, &one.name);
            if let Some(problem) = &one.problem {
                tell!("{id}: the broker of {name} is away: {problem}");
            }
            for notice in &one.notices {
                tell!("{id}: the broker of {name}: {notice}");
            }
        }
    }
    for line in order::lines(&client.orders().await?) {
        tell!("{line}");
    }
    Ok(())
}
