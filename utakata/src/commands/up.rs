//! Being written.
use super::Context;
use crate::exit::Exit;
use anyhow::Result;
use clap::Args;
#[derive(Debug, Args)]
pub struct Arguments {}
pub fn run(_: Arguments, _: &Context<'_>) -> Result<Exit> {
    Ok(Exit::Done)
}
