//! `utakata operation`: what was asked for, and how far it is.

use std::time::Duration;

use anyhow::Result;
use clap::Subcommand;
use serde::Serialize;
use utakata_api::{
    Client,
    client::TaskQuery,
    operation::{Counts, OperationView},
    task::TaskView,
};
use utakata_model::OperationId;

use super::Context;
use crate::{
    exit::Exit,
    output::{Row, Table},
};

/// The server waits no longer than this for outcomes.
pub const WAIT_MAX: Duration = Duration::from_secs(60);
/// How many are listed where nobody says.
pub const MOST: u32 = 50;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List operations, the newest first
    #[command(after_help = "Example: utakata operation list --limit 10")]
    List {
        /// How many
        #[arg(long, default_value_t = MOST, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// Show an operation and its tasks
    #[command(after_help = "Example: utakata operation show 0192f0c1-7b1e-7000-8000-000000000000")]
    Show {
        /// Its id
        id: OperationId,
    },
}

/// Does it.
pub async fn run(command: Command, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    match command {
        Command::List { limit } => list(&client, limit, context).await?,
        Command::Show { id } => show(&client, id, context).await?,
    }
    Ok(Exit::Done)
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

/// The exit code that follows from how tasks ended.
pub fn exit(counts: &Counts) -> Exit {
    match counts {
        counts if counts.unknown + counts.planned + counts.queued > 0 => Exit::Unknown,
        counts if counts.failed + counts.expired + counts.cancelled > 0 => Exit::Failed,
        _ => Exit::Done,
    }
}

/// Whether something of it may still change by itself.
pub fn is_under_way(counts: &Counts) -> bool {
    counts.planned + counts.queued > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_knows_counts_more_than_what_failed() {
        let all = Counts {
            succeeded: 1,
            ..Counts::default()
        };
        for (counts, expect) in [
            (all, Exit::Done),
            (Counts { failed: 1, ..all }, Exit::Failed),
            (Counts { expired: 1, ..all }, Exit::Failed),
            (
                Counts {
                    failed: 1,
                    unknown: 1,
                    ..all
                },
                Exit::Unknown,
            ),
            (Counts { queued: 1, ..all }, Exit::Unknown),
        ] {
            assert_eq!(exit(&counts), expect, "{counts:?}");
        }
    }
}
