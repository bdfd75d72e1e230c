//! Being written.
use super::Context;
use crate::exit::Exit;
use anyhow::Result;
use clap::Subcommand;
#[derive(Debug, Subcommand)]
pub enum Command {
    /// x
    Check,
}
pub fn run(_: Command, _: &Context<'_>) -> Result<Exit> {
    Ok(Exit::Done)
}
