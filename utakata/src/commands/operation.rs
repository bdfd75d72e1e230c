//! `utakata operation`: what was asked for, and how far it is.

mod undo;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde::Serialize;
use utakata_api::{
    Client,
    client::{TaskQuery, Verb},
    ledger::Reason,
    operation::OperationView,
    task::TaskView,
};
use utakata_model::OperationId;

use super::Context;
use crate::{
    exit::Exit,
    identifiers,
    output::{Row, Table, words},
};

/// The number that is listed where nobody says.
pub const MAX_LISTED: u32 = 50;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List operations, the newest first
    #[command(after_help = "Example: utakata operation list --limit 10")]
    List {
        /// How many
        #[arg(long, default_value_t = MAX_LISTED, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// Show an operation and its tasks
    #[command(after_help = "\
Examples:
  utakata operation show last
  utakata operation show 0192f0c1-7b1e-7000-8000-000000000000")]
    Show(Which),
    /// Say what an operation waits for, until when, and who can change it
    #[command(after_help = "Example: utakata operation explain last")]
    Explain(Which),
    /// Let an operation begin that somebody else has asked for
    #[command(after_help = "\
Look at it first: `utakata operation show ID`. Who has asked for it cannot approve it.

Example: utakata operation approve 3f2a9c --why 'looked at it with ana'")]
    Approve(Said),
    /// Let no further task begin
    #[command(after_help = "\
What has begun ends as it ends.

Example: utakata operation pause last --why 'a breaker has tripped'")]
    Pause(Said),
    /// Let an operation go on that was paused, or has stopped after failures
    #[command(after_help = "Example: utakata operation resume last")]
    Resume(Said),
    /// Take back what has not begun
    #[command(after_help = "\
What has begun ends as it ends; `utakata operation undo` takes back what was done.

Example: utakata operation cancel last --why 'the wrong rack'")]
    Cancel(Said),
    /// Take back what was done
    Undo(undo::Arguments),
}

#[derive(Debug, Args)]
pub struct Which {
    /// Its id, an unmistakable start or end of it, or last: the last that you asked for
    id: String,
}

#[derive(Debug, Args)]
pub struct Said {
    #[command(flatten)]
    which: Which,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

impl Command {
    /// Returns whether it changes anything.
    pub fn changes(&self) -> bool {
        !matches!(self, Self::List { .. } | Self::Show(_) | Self::Explain(_))
    }
}

pub async fn run(command: Command, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    match command {
        Command::List { limit } => list(&client, limit, context).await?,
        Command::Show(which) => {
            let id = identifiers::operation(&client, &which.id, context.purpose).await?;
            show(&client, id, context).await?;
        }
        Command::Explain(which) => {
            let id = identifiers::operation(&client, &which.id, context.purpose).await?;
            let explanation = client.explain_operation(id).await?;
            context
                .output
                .one(&explanation, || words::explanation(&explanation))?;
        }
        Command::Approve(said) => change(&client, Verb::Approve, said, context).await?,
        Command::Pause(said) => change(&client, Verb::Pause, said, context).await?,
        Command::Resume(said) => change(&client, Verb::Resume, said, context).await?,
        Command::Undo(arguments) => return undo::run(arguments, context).await,
        Command::Cancel(said) => change(&client, Verb::Cancel, said, context).await?,
    }
    Ok(Exit::Done)
}

async fn change(client: &Client, verb: Verb, said: Said, context: &Context<'_>) -> Result<()> {
    let id = match verb {
        Verb::Approve => identifiers::to_approve(client, &said.which.id).await?,
        _ => identifiers::operation(client, &said.which.id, context.purpose).await?,
    };
    let view = client.change(id, verb, &Reason { why: said.why }).await?;
    context.output.one(&view, || {
        let mut table = Table::new(OperationView::HEADERS);
        table.add(view.cells());
        table.render(context.output.colours())
    })
}

/// Lists the newest.
pub async fn list(client: &Client, most: u32, context: &Context<'_>) -> Result<()> {
    let operations = client.operations(most).await?;
    context
        .output
        .list(&operations, "nothing was asked for yet")
}

/// An operation with all its tasks.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    operation: OperationView,
    tasks: Vec<TaskView>,
}

/// Shows one, with its tasks.
pub async fn show(client: &Client, id: OperationId, context: &Context<'_>) -> Result<()> {
    let mut operation = client.operation(id).await?;
    let query = TaskQuery {
        operation: Some(id),
        ..TaskQuery::default()
    };
    let tasks = client.all_tasks(&query).await?;
    operation.tasks.clear();
    let shown = Shown { operation, tasks };
    let output = context.output;
    output.one(&shown, || {
        let colours = output.colours();
        let mut table = Table::new(OperationView::HEADERS);
        table.add(shown.operation.cells());
        let tasks = output.table_of(&shown.tasks);
        format!("{}\n\n{}", table.render(colours), tasks.render(colours))
    })
}
