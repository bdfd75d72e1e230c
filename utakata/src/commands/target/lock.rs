//! `utakata target lock`: keeps a target for oneself.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use jiff::{Timestamp, ToSpan, Zoned, civil};
use utakata_api::ledger::NewLock;
use utakata_model::{TargetName, duration};

use super::Context;
use crate::{commands::control::PriorityWord, output::words};

#[derive(Debug, Args)]
#[command(after_help = "\
What has begun on it ends as it ends. Locking again replaces the lock.

Examples:
  utakata target lock pdu-a1-a --why 'a fan is replaced' --for 2h
  utakata target lock pdu-a1-a --why 'see ticket 7' --until 06:00 --priority emergency")]
pub struct Arguments {
    /// Which
    name: TargetName,
    /// Why: others will want to know
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// For how long
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse, required_unless_present = "until")]
    lasts: Option<Duration>,
    /// Until when: 18:00, 2026-11-24T18:00 (both here), or 2026-11-24T18:00:00Z
    #[arg(long, value_name = "TIME", value_parser = until, conflicts_with = "lasts")]
    until: Option<Timestamp>,
    /// Only tasks of a higher priority pass it; none passes emergency
    #[arg(long, value_enum, default_value = "routine")]
    priority: PriorityWord,
}

/// Locks.
pub async fn run(arguments: Arguments, context: &Context<'_>) -> Result<()> {
    let client = context.client()?;
    let lock = NewLock {
        why: arguments.why,
        lasts: arguments.lasts,
        until: arguments.until,
        priority: arguments.priority.into(),
    };
    let lane = client.lock(&arguments.name, &lock).await?;
    let until = lane.lock.as_ref().map(|lock| words::clock(lock.until));
    context.output.one(&lane, || {
        let until = until.unwrap_or_default();
        format!("{} is locked until {until}", arguments.name)
    })?;
    if let Some(holder) = lane.holder {
        eprintln!("the task {holder} has begun on it, and ends as it ends");
    }
    Ok(())
}

fn until(text: &str) -> Result<Timestamp, String> {
    parse(text, &Zoned::now())
}

/// A moment; without a zone it is here, and a time alone is the next time that it comes.
fn parse(text: &str, now: &Zoned) -> Result<Timestamp, String> {
    let wrong = |_| format!("\"{text}\" is no time: write for example 18:00 or 2026-11-24T18:00");
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    let here = now.time_zone().clone();
    // Before the time alone: that would be found in a date and time, too.
    if let Ok(there) = text.parse::<civil::DateTime>() {
        return Ok(there.to_zoned(here).map_err(wrong)?.timestamp());
    }
    let time: civil::Time = text.parse().map_err(wrong)?;
    let today = now.date().to_datetime(time).to_zoned(here.clone());
    let today = today.map_err(wrong)?;
    if today > *now {
        return Ok(today.timestamp());
    }
    let tomorrow = now.date().checked_add(1.day()).map_err(wrong)?;
    let tomorrow = tomorrow.to_datetime(time).to_zoned(here);
    Ok(tomorrow.map_err(wrong)?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_alone_is_the_next_time_that_it_comes() {
        let now: Zoned = "2026-11-24T20:30+09:00[+09:00]".parse().unwrap();
        for (text, expect) in [
            ("21:00", "2026-11-24T12:00:00Z"),
            ("06:00", "2026-11-24T21:00:00Z"),
            ("20:30", "2026-11-25T11:30:00Z"),
            ("2026-12-01T09:00", "2026-12-01T00:00:00Z"),
            ("2026-12-01T09:00:00Z", "2026-12-01T09:00:00Z"),
        ] {
            let expect: Timestamp = expect.parse().unwrap();
            assert_eq!(parse(text, &now), Ok(expect), "{text}");
        }
        assert!(parse("soon", &now).is_err());
    }
}
