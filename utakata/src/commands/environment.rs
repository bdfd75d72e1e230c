//! `utakata environment`: the environments that run workers.

use anyhow::Result;
use clap::Subcommand;

use super::Context;
use crate::exit::Exit;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the environments that were heard of
    #[command(after_help = "Example: utakata environment list -o yaml")]
    List,
}

/// Does it.
pub async fn run(command: Command, context: &Context<'_>) -> Result<Exit> {
    let Command::List = command;
    let environments = context.client()?.environments().await?;
    let output = context.output;
    output.list(&environments, "no environment was heard of yet")?;
    for environment in &environments {
        for refused in &environment.refused {
            eprintln!(
                "{} refuses the release {}: {}",
                environment.id, refused.path, refused.problem
            );
        }
    }
    Ok(Exit::Done)
}
