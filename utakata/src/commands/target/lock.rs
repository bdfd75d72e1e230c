//! `utakata target lock`: locks a target for the caller.

use std::time::Duration;

use anyhow::Result;
use clap::{ArgGroup, Args};
use jiff::Timestamp;
use utakata_api::ledger::NewLock;
use utakata_model::{TargetName, duration};

use super::Context;
use crate::{commands::control::PriorityWord, moment, output::time};

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("end").required(true).args(["lasts", "until"]))]
#[command(after_help = "\
A task that runs on it ends as usual. Locking again replaces the lock.

Examples:
  utakata target lock pdu-a1-a --why 'a fan is replaced' --for 2h
  utakata target lock pdu-a1-a --why 'see ticket 7' --until 06:00 --priority emergency")]
pub struct Arguments {
    /// Name of the target
    name: TargetName,
    /// Reason, for others to read
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// Duration of the lock
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
    lasts: Option<Duration>,
    /// End of the lock: 18:00 or 2026-11-24T18:00, both in local time, or 2026-11-24T18:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment::future)]
    until: Option<Timestamp>,
    /// Priority to block, along with all lower ones; none passes emergency
    #[arg(long, value_enum, default_value = "routine")]
    priority: PriorityWord,
}

pub async fn run(arguments: Arguments, context: &Context<'_>) -> Result<()> {
    let client = context.client()?;
    let lock = NewLock {
        why: arguments.why,
        lasts: arguments.lasts,
        until: arguments.until,
        priority: arguments.priority.into(),
    };
    let lane = client.lock(&arguments.name, &lock).await?;
    context.output.one(&lane, || {
        let until = lane.lock.as_ref().map(|lock| time::clock(lock.until));
        let until = until.map_or_else(String::new, |until| format!(" until {until}"));
        format!("{} is locked{until}", arguments.name)
    })?;
    if let Some(holder) = lane.holder {
        tell!("the task {holder} has begun on it, and ends as it ends");
    }
    Ok(())
}
