//! `utakata operation`: operations and their progress.

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

/// The default number of listed operations.
pub const MAX_LISTED: u32 = 50;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List operations, newest first
    #[command(after_help = "Example: utakata operation list --limit 10")]
    List {
        /// Number of operations
        #[arg(long, default_value_t = MAX_LISTED, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// Show an operation and its tasks
    #[command(after_help = "\
Examples:
  utakata operation show last
  utakata operation show 0192f0c1-7b1e-7000-8000-000000000000")]
    Show(Which),
    /// Explain what an operation waits for, until when, and who can change it
    #[command(after_help = "Example: utakata operation explain last")]
    Explain(Which),
    /// Approve an operation that somebody else has requested
    #[command(after_help = "\
Look at it first: `utakata operation show ID`. The person who requested it cannot approve it.

Example: utakata operation approve 3f2a9c --why 'looked at it with ana'")]
    Approve(Transition),
    /// Begin no further tasks
    #[command(after_help = "\
Running tasks end as usual.

Example: utakata operation pause last --why 'a breaker has tripped'")]
    Pause(Transition),
    /// Resume an operation that was paused, or stopped after failures
    #[command(after_help = "Example: utakata operation resume last")]
    Resume(Transition),
    /// Cancel the tasks that have not begun
    #[command(after_help = "\
Running tasks end as usual; to undo what was done, use `utakata operation undo`.

Example: utakata operation cancel last --why 'the wrong rack'")]
    Cancel(Transition),
    /// Undo an operation
    Undo(undo::Arguments),
}

#[derive(Debug, Args)]
pub struct Which {
    /// The id, an unambiguous start or end of it, or last: your last operation
    id: String,
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

async fn change(
    client: &Client,
    verb: Verb,
    said: Transition,
    context: &Context<'_>,
) -> Result<()> {
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

/// Lists the newest operations.
pub async fn list(client: &Client, max: u32, context: &Context<'_>) -> Result<()> {
    let operations = client.operations(max).await?;
    context
        .output
        .list(&operations, "nothing was requested yet")
}

/// An operation with all its tasks.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    operation: OperationView,
    tasks: Vec<TaskView>,
}

/// Shows an operation and its tasks.
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
