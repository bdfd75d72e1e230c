//! `utakata rollout`: rollouts of a kind from one release to another.

pub mod begin;
mod follow;
mod view;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use utakata_api::{
    Client,
    client::RolloutVerb as Verb,
    ledger::Reason,
    rollout::{Rollout, RolloutState},
};
use utakata_model::PersonName;

use super::Context;
use crate::{
    exit::{Exit, Usage},
    identifiers::LAST,
    output::words,
};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List rollouts, newest first
    #[command(after_help = "Example: utakata rollout list")]
    List,
    /// Show a rollout: the progress of each environment, and the evidence about the new release
    #[command(after_help = "\
Examples:
  utakata rollout show last
  utakata rollout show snmp --follow")]
    Show {
        #[command(flatten)]
        which: Which,
        /// Keep showing it until it has ended
        #[arg(long, short)]
        follow: bool,
    },
    /// Pause a rollout in its present phase
    #[command(after_help = "\
The new release keeps its present share of the tasks.

Example: utakata rollout pause snmp --why 'a second look at the readings'")]
    Pause(Transition),
    /// Resume a rollout that was paused
    #[command(after_help = "Example: utakata rollout resume snmp")]
    Resume(Transition),
    /// Promote a rollout: leave its present phase without further evidence
    #[command(after_help = "\
Use this for a kind with too few tasks to show anything. Evidence against the new release still turns
it back.

Example: utakata rollout promote snmp --why 'looked at it by hand'")]
    Promote(Transition),
    /// Abort a rollout: the previous release serves everywhere again
    #[command(after_help = "\
Nothing is lost: running tasks of the new release end as usual.

Example: utakata rollout abort snmp --why 'wrong version'")]
    Abort(Transition),
}

#[derive(Debug, Args)]
pub struct Which {
    /// The id, an unambiguous start or end of it, its kind, or last: your last rollout
    #[arg(value_name = "ROLLOUT")]
    which: String,
}

#[derive(Debug, Args)]
pub struct Transition {
    #[command(flatten)]
    which: Which,
    /// Reason, for the record
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

impl Command {
    /// Returns true if the command changes something.
    pub fn changes(&self) -> bool {
        !matches!(self, Self::List | Self::Show { .. })
    }
}

pub async fn run(command: Command, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    match command {
        Command::List => {
            let empty = "no rollout has begun yet: utakata worker roll KIND --to VERSION";
            context.output.list(&client.rollouts().await?, empty)?;
            Ok(Exit::Done)
        }
        Command::Show { which, follow } => show(&client, &which, follow, context).await,
        Command::Pause(said) => change(&client, Verb::Pause, said, context).await,
        Command::Resume(said) => change(&client, Verb::Resume, said, context).await,
        Command::Promote(said) => change(&client, Verb::Promote, said, context).await,
        Command::Abort(said) => change(&client, Verb::Abort, said, context).await,
    }
}

async fn show(
    client: &Client,
    which: &Which,
    follows: bool,
    context: &Context<'_>,
) -> Result<Exit> {
    let rollout = find(client, &which.which).await?;
    if follows {
        let rollout = follow::follow(client, rollout, context.output).await?;
        return Ok(exit(&rollout));
    }
    print(&rollout, context)?;
    Ok(Exit::Done)
}

async fn change(
    client: &Client,
    verb: Verb,
    said: Transition,
    context: &Context<'_>,
) -> Result<Exit> {
    let id = find(client, &said.which.which).await?.id;
    let reason = Reason { why: said.why };
    let rollout = client.change_rollout(id, verb, &reason).await?;
    print(&rollout, context)?;
    Ok(Exit::Done)
}

fn print(rollout: &Rollout, context: &Context<'_>) -> Result<()> {
    let output = context.output;
    output.one(rollout, || view::page(rollout, output.colours()))
}

/// Finds the rollout; for a kind, the newest.
async fn find(client: &Client, which: &str) -> Result<Rollout> {
    let all = client.rollouts().await?;
    if which == LAST {
        let me = client.me().await?.name;
        return last(&all, &me);
    }
    if let Some(of_kind) = all.iter().find(|one| one.kind.as_str() == which) {
        return Ok(of_kind.clone());
    }
    let is_meant = |one: &&Rollout| {
        let id = one.id.to_string();
        which.len() >= 4 && (id.starts_with(which) || id.ends_with(which))
    };
    let mut meant = all.iter().filter(is_meant);
    match (meant.next(), meant.next()) {
        (Some(one), None) => Ok(one.clone()),
        (Some(_), Some(_)) => {
            let message = format!("\"{which}\" matches several rollouts: give more of the id");
            Err(Usage(message).into())
        }
        (None, _) => {
            let message = format!(
                "there is no rollout \"{which}\": give its id, its kind, or last; see all with \
                 `utakata rollout list`"
            );
            bail!(Usage(message))
        }
    }
}

/// Returns the caller's newest rollout, never somebody else's.
fn last(newest_first: &[Rollout], me: &PersonName) -> Result<Rollout> {
    if let Some(own) = newest_first.iter().find(|one| one.by == *me) {
        return Ok(own.clone());
    }
    let message = match newest_first.first() {
        None => "no rollout has begun yet".to_owned(),
        Some(newest) => format!(
            "{me} has begun no rollout, and last is one's own: the newest is {}, of {} to {}, \
             begun by {} {}",
            newest.id,
            newest.kind,
            newest.to.version,
            newest.by,
            words::ago(newest.began)
        ),
    };
    Err(Usage(message).into())
}

/// Returns the exit code for the end of a rollout.
fn exit(rollout: &Rollout) -> Exit {
    match rollout.state {
        RolloutState::Done => Exit::Done,
        RolloutState::Failed | RolloutState::Aborted => Exit::Failed,
        _ => Exit::Unknown,
    }
}
