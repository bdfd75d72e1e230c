//! `utakata status`: what is wrong now, on one screen.

mod view;

use anyhow::Result;
use clap::Args;

use super::Context;
use crate::exit::Exit;

#[derive(Debug, Args)]
#[command(after_help = "\
Failing targets come first, in groups by kind and cause, the largest first, with the label that best
describes where they are. Then comes everything else that needs attention: control tasks that only a
person can settle, environments that are gone, workers that do not start, brokers, the disk. Notices
(approvals, pauses, rollouts) come last. -o json prints everything, as the API returns it
(GET /v1/overview).

Exit codes: 0 nothing is wrong, 1 something is wrong, or the server cannot be reached

Examples:
  utakata status
  utakata status || mail -s 'utakata' ops@example.org
  utakata target list --health failing -l rack=A1")]
pub struct Arguments {}

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
