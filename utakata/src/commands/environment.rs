//! `utakata environment`: the environments that run workers.

use anyhow::Result;
use clap::{Args, Subcommand};
use utakata_api::{
    client::EnvironmentVerb as Verb,
    environment::{EnvironmentView, NewOrder, OrdersView},
};
use utakata_model::{EnvironmentId, EnvironmentState, Kind, Order, Orders, Stop};

use super::Context;
use crate::exit::Exit;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the environments that were heard of, and what is stopped
    #[command(after_help = "Example: utakata environment list -o yaml")]
    List,
    /// Let an environment, or a kind in it, begin nothing more
    #[command(after_help = "\
What it has begun ends and is told as always; what it had fetched and not begun goes to other
environments of its zone at once. It holds until `resume`, also when something is started again;
an environment that is away hears of it when it comes.

Examples:
  utakata environment pause wee-1 --why 'its switch is replaced'
  utakata environment pause wee-1 --kind snmp")]
    Pause(Arguments),
    /// The same, and stop the workers when what was begun has ended
    #[command(after_help = "\
The environment itself stays, and is listed as drained: then it can be ended and loses nothing.

Examples:
  utakata environment drain wee-1 --why 'the machine gets more memory'
  utakata environment drain wee-1 --kind apc-pdu")]
    Drain(Arguments),
    /// Let an environment, or a kind in it, go on
    #[command(after_help = "\
What was asked of a kind is taken back with --kind, what was asked of everything without it.

Examples:
  utakata environment resume wee-1
  utakata environment resume wee-1 --kind snmp")]
    Resume(Arguments),
}

/// Of which environment, and of what in it.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Its id: see `utakata environment list`
    id: EnvironmentId,
    /// Only this kind
    #[arg(long, value_name = "KIND")]
    kind: Option<Kind>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

/// Does it.
pub async fn run(command: Command, context: &Context<'_>) -> Result<Exit> {
    match command {
        Command::List => list(context).await?,
        Command::Pause(arguments) => order(Verb::Pause, arguments, context).await?,
        Command::Drain(arguments) => order(Verb::Drain, arguments, context).await?,
        Command::Resume(arguments) => order(Verb::Resume, arguments, context).await?,
    }
    Ok(Exit::Done)
}

async fn list(context: &Context<'_>) -> Result<()> {
    let environments = context.client()?.environments().await?;
    let output = context.output;
    output.list(&environments, "no environment was heard of yet")?;
    for EnvironmentView { status, orders } in &environments {
        for refused in &status.refused {
            eprintln!(
                "{} refuses the release {}: {}",
                status.id, refused.path, refused.problem
            );
        }
        for one in &status.connections {
            if let Some(problem) = &one.problem {
                eprintln!(
                    "{}: the broker of {} is away: {problem}",
                    status.id, one.name
                );
            }
        }
        for line in stopped(&status.id, orders) {
            eprintln!("{line}");
        }
    }
    Ok(())
}

async fn order(verb: Verb, arguments: Arguments, context: &Context<'_>) -> Result<()> {
    let Arguments { id, kind, why } = arguments;
    let client = context.client()?;
    let order = NewOrder { kind, why };
    let view = client.order_environment(&id, verb, &order).await?;
    let environments = client.environments().await?;
    let found = environments.iter().find(|one| one.status.id == id);
    let is_there = found.is_some_and(|one| one.status.state == EnvironmentState::Running);
    context
        .output
        .one(&view, || told(verb, &view, &order, is_there))
}

/// What happens now.
fn told(verb: Verb, view: &OrdersView, order: &NewOrder, is_there: bool) -> String {
    let id = &view.environment;
    let what = match &order.kind {
        Some(kind) => format!("the kind {kind} of {id}"),
        None => id.to_string(),
    };
    let then = match verb {
        Verb::Pause => "begins nothing more, and ends what it has begun",
        Verb::Drain => "begins nothing more, ends what it has begun, and stops its workers",
        Verb::Resume => "goes on",
    };
    let mut text = format!("{what} {then}");
    if !is_there {
        text.push_str(" when it comes: it is not there now");
    }
    text.push('\n');
    match verb {
        Verb::Pause | Verb::Drain => {
            text.push_str("see how far it is: `utakata environment list`\n");
        }
        Verb::Resume => {
            for line in stopped(id, &view.orders) {
                text.push_str(&line);
                text.push('\n');
            }
        }
    }
    text
}

/// What is stopped in an environment, a line each: by whom, since when, why, and how it goes on.
fn stopped(id: &EnvironmentId, orders: &Orders) -> Vec<String> {
    let line = |what: String, order: &Order, option: String| {
        let stop = match order.stop {
            Stop::Pause => "paused",
            Stop::Drain => "drained",
        };
        let why = order.why.as_ref();
        let why = why.map_or_else(String::new, |why| format!(" ({why})"));
        format!(
            "{what} is {stop} by {} since {:.0}{why}: `utakata environment resume {id}{option}`",
            order.by, order.since
        )
    };
    let all = orders.all.iter();
    let all = all.map(|order| line(id.to_string(), order, String::new()));
    let kinds = orders.kinds.iter().map(|(kind, order)| {
        let what = format!("the kind {kind} of {id}");
        line(what, order, format!(" --kind {kind}"))
    });
    all.chain(kinds).collect()
}
