//! `utakata target lock`: locks a target for the caller.

use std::time::Duration;

use anyhow::Result;
use clap::{ArgGroup, Args};
use jiff::{Timestamp, Zoned, civil};
use utakata_api::ledger::NewLock;
use utakata_model::{TargetName, duration};

use super::Context;
use crate::{commands::control::PriorityWord, output::time};

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
    #[arg(long, value_name = "TIME", value_parser = until)]
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

fn until(text: &str) -> Result<Timestamp, String> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    // A local time is meaningless if nobody knows the time zone.
    let zone = time::zone().map_err(|problem| {
        format!("{problem}: write the time with its offset, as in 2026-11-24T18:00:00+01:00")
    })?;
    parse(text, &Timestamp::now().to_zoned(zone))
}

/// Parses a local time; a time of day is the next one.
fn parse(text: &str, now: &Zoned) -> Result<Timestamp, String> {
    let wrong =
        |_| format!("\"{text}\" is not a time: write for example 18:00 or 2026-11-24T18:00");
    // Before the time of day, which would also be found in a date and time.
    if let Ok(there) = text.parse::<civil::DateTime>() {
        return next(there, now).map_err(wrong)?.ok_or_else(|| {
            let when = there.strftime("%F %H:%M");
            format!(
                "{when} has passed: it is {} now",
                now.strftime("%F %H:%M %Z")
            )
        });
    }
    let time: civil::Time = text.parse().map_err(wrong)?;
    let today = next(now.date().to_datetime(time), now).map_err(wrong)?;
    if let Some(today) = today {
        return Ok(today);
    }
    let tomorrow = now.date().tomorrow().map_err(wrong)?;
    let tomorrow = next(tomorrow.to_datetime(time), now).map_err(wrong)?;
    tomorrow.ok_or_else(|| format!("\"{text}\" is not a future time"))
}

/// Returns the next moment at which the local clock shows this time, if there is one: at the end of
/// summer time it does so twice. A time skipped at the beginning of summer time is as much later as
/// the clock is put forward.
fn next(time: civil::DateTime, now: &Zoned) -> Result<Option<Timestamp>, jiff::Error> {
    let shown = now.time_zone().to_ambiguous_zoned(time);
    let first = shown.clone().compatible()?;
    let last = shown.later()?;
    let comes = [first, last].into_iter().find(|moment| moment > now);
    Ok(comes.map(|moment| moment.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(now: &str, cases: &[(&str, &str)]) {
        let now: Zoned = now.parse().unwrap();
        for (text, expect) in cases {
            let expect: Timestamp = expect.parse().unwrap();
            assert_eq!(parse(text, &now), Ok(expect), "{text} at {now}");
        }
    }

    #[test]
    fn a_time_alone_is_the_next_time_that_it_comes_here() {
        check(
            "2026-11-24T20:30+09:00[Asia/Tokyo]",
            &[
                ("21:00", "2026-11-24T12:00:00Z"),
                ("06:00", "2026-11-24T21:00:00Z"),
                ("20:30", "2026-11-25T11:30:00Z"),
                ("2026-12-01T09:00", "2026-12-01T00:00:00Z"),
                ("2026-12-01 09:00", "2026-12-01T00:00:00Z"),
            ],
        );
        check(
            "2026-11-29T04:53-05:00[America/New_York]",
            &[
                ("18:00", "2026-11-29T23:00:00Z"),
                ("04:00", "2026-11-30T09:00:00Z"),
            ],
        );
        let now: Zoned = "2026-11-24T20:30+09:00[Asia/Tokyo]".parse().unwrap();
        assert!(parse("soon", &now).is_err());
        let over = parse("2026-11-24T18:00", &now).unwrap_err();
        assert_eq!(
            over,
            "2026-11-24 18:00 has passed: it is 2026-11-24 20:30 JST now"
        );
    }

    #[test]
    fn a_time_that_comes_twice_or_not_at_all_is_the_next_that_there_is() {
        let york = "[America/New_York]";
        // At the end of summer time, 01:30 occurs at 05:30Z and again at 06:30Z.
        check(
            &format!("2026-11-01T00:10-04:00{york}"),
            &[
                ("01:30", "2026-11-01T05:30:00Z"),
                ("06:00", "2026-11-01T11:00:00Z"),
            ],
        );
        check(
            &format!("2026-11-01T01:10-05:00{york}"),
            &[
                ("01:30", "2026-11-01T06:30:00Z"),
                ("01:00", "2026-11-02T06:00:00Z"),
            ],
        );
        // At its beginning, 02:30 does not exist and becomes 03:30.
        check(
            &format!("2026-03-07T22:00-05:00{york}"),
            &[
                ("02:30", "2026-03-08T07:30:00Z"),
                ("06:00", "2026-03-08T10:00:00Z"),
            ],
        );
    }
}
