//! `utakata environment`: the environments that run workers.

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use utakata_api::{
    client::EnvironmentVerb as Verb,
    environment::{AcceptanceView, EnrolmentState, EnvironmentView, NewAcceptance},
};
use utakata_model::{EnvironmentId, Kind, Scope, Zone};
use utakata_up::enrolment;

use super::{Context, order};
use crate::exit::{Exit, Usage};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the known environments, and the parts that are stopped
    #[command(after_help = "Example: utakata environment list -o yaml")]
    List,
    /// Pause an environment, a zone, or a kind in it: it begins nothing more
    #[command(after_help = "\
Running tasks end and are reported as usual; fetched tasks that have not begun go to other
environments of its zone at once. The order holds until `resume`, across restarts; an environment
that is away receives it when it returns.

Examples:
  utakata environment pause wee-1 --why 'its switch is replaced'
  utakata environment pause wee-1 --kind snmp
  utakata environment pause --zone hall-1 --why 'its cooling is serviced'")]
    Pause(Arguments),
    /// Drain it: pause it, and stop its workers when its running tasks have ended
    #[command(after_help = "\
The environment itself stays, and is listed as drained. Then it can be ended without losing
anything.

Examples:
  utakata environment drain wee-1 --why 'the machine gets more memory'
  utakata environment drain wee-1 --kind apc-pdu
  utakata environment drain --zone hall-1")]
    Drain(Arguments),
    /// Resume an environment, a zone, or a kind in it
    #[command(after_help = "\
An order for a kind is lifted with --kind, an order for everything without it.

Examples:
  utakata environment resume wee-1
  utakata environment resume wee-1 --kind snmp
  utakata environment resume --zone hall-1")]
    Resume(Arguments),
    /// Accept the key of an environment: it gets tasks, and the credentials of its zone
    #[command(after_help = "\
An environment takes no tasks before it is accepted. Compare the fingerprint with the one that it
logs when it starts, or that `utakata environment fingerprint` shows on its host: somebody who
administers the broker can report another environment.

Examples:
  utakata environment accept hall-1-a
  utakata environment accept hall-1-a --fingerprint 91d2-00be-7a31-c5f4-2be0-4c11-90aa-e3d7")]
    Accept {
        /// The id: see `utakata environment list`
        id: EnvironmentId,
        /// Accept this key and no other
        #[arg(long, value_name = "FINGERPRINT")]
        fingerprint: Option<String>,
    },
    /// Revoke the key of an environment: it gets no more tasks and credentials
    #[command(after_help = "\
What it has been lent it may still know: change those credentials. With the join secret it could
join again under another name or with another key: change that, too.

Example: utakata environment revoke hall-1-a")]
    Revoke {
        /// The id: see `utakata environment list`
        id: EnvironmentId,
    },
    /// Show the fingerprint of the environment of this data directory; needs no server
    #[command(after_help = "Example: utakata --data /var/lib/utakata environment fingerprint")]
    Fingerprint,
    /// Forget an environment that is gone for good, or that has moved to another zone
    #[command(after_help = "\
Its status is removed from the broker, its orders are lifted, and its key is not accepted any more. A running environment is not
forgotten, unless it reports another zone than its own: then it belongs to that zone from then on.

Example: utakata environment forget hall-2-a")]
    Forget {
        /// The id: see `utakata environment list`
        id: EnvironmentId,
    },
}

/// The environment to stop, and the part of it.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The id: see `utakata environment list`
    id: Option<EnvironmentId>,
    /// All environments of this zone, including those that join later
    #[arg(long, value_name = "ZONE", conflicts_with = "id")]
    zone: Option<Zone>,
    /// Only this kind
    #[arg(long, value_name = "KIND")]
    kind: Option<Kind>,
    /// Reason, for the record
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
                return Err(Usage("name an environment, or a --zone".into()));
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
        Command::Accept { id, fingerprint } => {
            let acceptance = NewAcceptance { fingerprint };
            let accepted = context
                .client()?
                .accept_environment(&id, &acceptance)
                .await?;
            context
                .output
                .one(&accepted, || told("is accepted", &accepted))?;
        }
        Command::Revoke { id } => {
            let revoked = context.client()?.revoke_environment(&id).await?;
            context
                .output
                .one(&revoked, || told("is not accepted any more", &revoked))?;
        }
        Command::Fingerprint => fingerprint(context)?,
        Command::Forget { id } => {
            context.client()?.forget_environment(&id).await?;
            context.output.text(&format!("{id} is forgotten"))?;
        }
    }
    Ok(Exit::Done)
}

fn told(what: &str, view: &AcceptanceView) -> String {
    let AcceptanceView {
        environment, zone, ..
    } = view;
    let print = &view.enrolment.fingerprint;
    format!("{environment} {what} for the zone {zone}, with the key {print}")
}

fn fingerprint(context: &Context<'_>) -> Result<()> {
    let folder = context.data_folder()?;
    let keys = enrolment::read(folder.path())?.with_context(|| {
        format!(
            "there is no {}: an environment makes it when it starts for the first time",
            enrolment::key_file(folder.path()).display()
        )
    })?;
    context
        .output
        .text(&utakata_seal::fingerprint(keys.public()))?;
    Ok(())
}

async fn list(context: &Context<'_>) -> Result<()> {
    let client = context.client()?;
    let environments = client.environments().await?;
    let output = context.output;
    output.list(&environments, "no environment has reported yet")?;
    for EnvironmentView {
        status,
        ignored,
        problems,
        enrolment,
        ..
    } in &environments
    {
        if let Some(one) = enrolment
            .as_ref()
            .filter(|one| one.state == EnrolmentState::Revoked)
        {
            tell!("{}: its key {} was revoked", status.id, one.fingerprint);
        }
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
                workers.max,
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
