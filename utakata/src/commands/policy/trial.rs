//! `utakata policy trial`: policies in a simulated room, in a closed loop.

use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use utakata_api::apply::Document;
use utakata_documents as documents;
use utakata_model::{Envelope, Policy, PolicyName, duration};
use utakata_room::{Blueprint, blueprint::SHIPPED};
use utakata_trial::{Config, Error, Kills, Outcome, Report};

use crate::{
    commands::Context,
    exit::{Exit, Usage},
};

/// The largest number of seeds, and the longest time.
const MAX_SEEDS: u64 = 1000;
const MAX_TIME: Duration = Duration::from_secs(366 * 86_400);
/// The number of lines of a story that are printed.
const MAX_LINES: usize = 40;

pub const HELP: &str = "\
The same decisions and the same envelopes as at a site, and a room of simulated physics that answers:
utility feeds and cooling units fail at random, breakers trip. Each seed is another story; it is told
with the policies and without any. With -f nothing of a server is needed. No token comes of it: what
arms a policy is a test over the site's own history.

The exit code is 1 if a promise is broken (an envelope, something done twice, something not handed
back) or breakers trip more often than without the policies.

Examples:
  utakata policy trial -f examples/policies/shed-feed-a.yaml
  utakata policy trial -f policies/ --room north.toml --for 48h --seed 1..20
  utakata policy trial shed-feed-a --kills
  utakata policy trial spare-feed-a --room demo";

#[derive(Debug, Args)]
pub struct Arguments {
    /// Policies of the server; all of them unless files are given
    #[arg(value_name = "POLICY", conflicts_with = "file")]
    names: Vec<PolicyName>,
    /// Files or folders with policies and envelopes, instead of those of the server
    #[arg(short, long, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// Room file (TOML), north (twenty racks on two feeds, with four cooling units) or demo (that of
    /// `utakata up --demo`)
    #[arg(long, value_name = "ROOM", default_value = "north")]
    room: PathBuf,
    /// Simulated time
    #[arg(long = "for", value_name = "DURATION", default_value = "48h", value_parser = duration::parse)]
    lasts: Duration,
    /// Seed of what goes wrong, or several
    #[arg(long, value_name = "N|N..N", default_value = "1", value_parser = seeds)]
    seed: RangeInclusive<u64>,
    /// Kill the engine every few seconds, in the middle of a decision or right after it
    #[arg(long)]
    kills: bool,
}

/// Parses one seed, or the first and the last of several.
fn seeds(text: &str) -> Result<RangeInclusive<u64>, String> {
    let wrong = || format!("\"{text}\" is not of the form 7 or 1..20");
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| wrong());
    let (first, last) = match text.split_once("..") {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(text)?, number(text)?),
    };
    match last.checked_sub(first) {
        Some(more) if more < MAX_SEEDS => Ok(first..=last),
        Some(_) => Err(format!("at most {MAX_SEEDS} seeds at a time")),
        None => Err(wrong()),
    }
}

pub async fn run(arguments: &Arguments, context: &Context<'_>) -> Result<Exit> {
    if arguments.lasts.is_zero() || arguments.lasts > MAX_TIME {
        let max = duration::format(MAX_TIME);
        bail!(Usage(format!("--for is more than 0s and at most {max}")));
    }
    let (policies, envelopes) = match arguments.file.is_empty() {
        true => of_server(&arguments.names, context).await?,
        false => of_files(&arguments.file)?,
    };
    if policies.is_empty() {
        bail!("there is no policy to try");
    }
    let room = room(&arguments.room)?;
    let mut reports = Vec::new();
    for seed in arguments.seed.clone() {
        let config = Config {
            lasts: arguments.lasts,
            seed,
            kills: match arguments.kills {
                true => Kills::OneIn(2),
                false => Kills::Never,
            },
            ..Config::default()
        };
        let report = utakata_trial::run(&room, &policies, &envelopes, config);
        reports.push(report.map_err(|error| match error {
            Error::Strange { .. } => anyhow!("{error}: choose another with --room, or write one"),
            error => error.into(),
        })?);
    }
    let is_clean = reports.iter().all(Report::is_clean);
    context.output.one(&reports, || page(&reports))?;
    Ok(match is_clean {
        true => Exit::Done,
        false => Exit::Failed,
    })
}

/// Reads a room: a file, or one that needs none.
fn room(wanted: &Path) -> Result<Blueprint> {
    let shipped = SHIPPED.iter().find(|(name, _)| wanted == Path::new(name));
    match shipped {
        Some((name, text)) if !wanted.exists() => {
            Ok(Blueprint::parse(text, &format!("the room {name}"))?)
        }
        _ => Blueprint::load(Some(wanted))
            .map_err(|error| anyhow!(error).context("a room is north, demo or a file")),
    }
}

async fn of_server(
    names: &[PolicyName],
    context: &Context<'_>,
) -> Result<(Vec<Policy>, Vec<Envelope>)> {
    let client = context.client()?;
    let mut policies = Vec::new();
    match names {
        [] => {
            let all = client.policies().await?;
            policies.extend(all.into_iter().map(|one| one.policy));
        }
        names => {
            for name in names {
                policies.push(client.policy(name).await?.policy);
            }
        }
    }
    let envelopes = client.envelopes().await?.into_iter();
    Ok((policies, envelopes.map(|one| one.envelope).collect()))
}

fn of_files(files: &[PathBuf]) -> Result<(Vec<Policy>, Vec<Envelope>)> {
    let contents = documents::read(files).context("the policies cannot be read")?;
    let (mut policies, mut envelopes) = (Vec::new(), Vec::new());
    for document in contents.documents {
        match document {
            Document::Policy(policy) => policies.push(*policy),
            Document::Envelope(envelope) => envelopes.push(*envelope),
            // A folder may hold a whole site.
            _ => {}
        }
    }
    Ok((policies, envelopes))
}

fn page(reports: &[Report]) -> String {
    let mut lines = Vec::new();
    for report in reports {
        lines.extend(self::report(report, reports.len() == 1));
    }
    if let [first, _, ..] = reports {
        let sum = |of: fn(&Report) -> u64| reports.iter().map(of).sum::<u64>();
        lines.push(format!(
            "{} seeds of {} h in {}: breakers tripped {} times, and {} times without the policies; \
             {} acts, {} handed back, {} promises broken",
            reports.len(),
            first.hours,
            first.room,
            sum(|one| u64::from(one.with.trips)),
            sum(|one| u64::from(one.without.trips)),
            sum(|one| one.acts),
            sum(|one| one.backs),
            sum(|one| u64::try_from(one.broken.len()).unwrap_or(u64::MAX)),
        ));
    }
    lines.join("\n")
}

fn report(report: &Report, with_story: bool) -> Vec<String> {
    let mut lines = vec![
        format!(
            "seed {}: {} h of the room {}",
            report.seed, report.hours, report.room
        ),
        format!("  with the policies  {}", outcome(&report.with)),
        format!("  without any        {}", outcome(&report.without)),
        format!(
            "  {} acts, {} handed back; {} waited for an envelope, {} were refused; {} decisions, \
             blind in {}",
            report.acts,
            report.backs,
            report.held_back,
            report.refused,
            report.decisions,
            report.blind
        ),
    ];
    if report.kills > 0 {
        lines.push(format!("  the engine was killed {} times", report.kills));
    }
    let all = [
        ("stopped itself", &report.stops),
        ("for a person", &report.for_a_person),
        ("impossible", &report.impossible),
    ];
    for (what, found) in all {
        lines.extend(found.iter().map(|one| format!("  {what}: {one}")));
    }
    let broken = report.broken.iter();
    lines.extend(broken.map(|one| format!("  BROKEN at {}: {}", clock(one.at), one.what)));
    if with_story {
        let story = report.story.iter().take(MAX_LINES);
        lines.extend(story.map(|one| format!("  {}  {}", clock(one.at), one.what)));
        if let Some(more) = report
            .story
            .len()
            .checked_sub(MAX_LINES)
            .filter(|more| *more > 0)
        {
            lines.push(format!("  and {more} more: -o json has them"));
        }
    }
    lines
}

fn outcome(outcome: &Outcome) -> String {
    format!(
        "breakers tripped {} times, inlets {:.1} to {:.1} °C, servers dark for {:.1} h, {:.0} kWh \
         for cooling",
        outcome.trips,
        outcome.inlet_min,
        outcome.inlet_max,
        outcome.dark_hours,
        outcome.cooling_kwh
    )
}

/// Returns a simulated time as hours, minutes and seconds.
fn clock(seconds: f64) -> String {
    let time = Duration::from_secs_f64(seconds.max(0.0)).as_secs();
    format!("{:02}:{:02}:{:02}", time / 3600, time / 60 % 60, time % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_has_a_name_or_is_a_file() {
        for (name, upses) in [("north", 2), ("demo", 2)] {
            let room = room(Path::new(name)).unwrap();
            assert_eq!((room.name.as_str(), room.upses.len()), (name, upses));
        }
        let error = room(Path::new("sout")).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("north, demo or a file"), "{text}");
    }
}
