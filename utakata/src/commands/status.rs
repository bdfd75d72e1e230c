//! `utakata status`: what is wrong now, on one screen.

mod view;

use anyhow::Result;
use clap::Args;

use super::Context;
use crate::exit::Exit;

#[derive(Debug, Args)]
#[command(after_help = "\
Targets that fail, in groups by kind and cause, the largest first, with the label that says best
where they are; then everything else that somebody should do something about: control tasks that
nobody can settle but a person, environments that are gone, workers that do not start, brokers,
the disk. What is only worth knowing (approvals, what is paused, rollouts) comes last. With
-o json: all of it, as the API has it (GET /v1/overview).

Exit codes: 0 nothing is wrong, 1 something is, or the server cannot be asked

Examples:
  utakata status
  utakata status || mail -s 'utakata' ops@example.org
  utakata target list --health failing -l rack=A1")]
pub struct Arguments {}

/// Shows.
pub async fn run(_: &Arguments, context: &Context<'_>) -> Result<Exit> {
    let overview = context.client()?.overview().await?;
    let output = context.output;
    output.one(&overview, || view::screen(&overview, output.colours()))?;
    Ok(if overview.well {
        Exit::Done
    } else {
        Exit::Failed
    })
}
