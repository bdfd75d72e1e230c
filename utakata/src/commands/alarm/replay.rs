//! `utakata alarm test`: the alarms that rules would have raised in the past.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use jiff::Timestamp;
use utakata_api::{
    Client,
    alarm::{AlarmRuleTest, AlarmSpell, AlarmTest, RuleOrigin, TestAlarmRules},
    apply::Document,
    client::server_now,
};
use utakata_model::{AlarmName, AlarmRule};

use crate::{
    commands::Context,
    exit::Usage,
    moment,
    output::{Cell, Output, Row, time, units, words},
    progress, select,
};

#[derive(Debug, Args)]
pub struct Arguments {
    /// Names of rules in force: of this site, or shipped
    #[arg(value_name = "RULE")]
    names: Vec<AlarmName>,
    /// A file with rules, or - for standard input; nothing is applied. A rule in force of the same
    /// name is tested beside it
    #[arg(short = 'f', long = "file", value_name = "FILE|-")]
    files: Vec<PathBuf>,
    /// Only targets of this selector, of those that each rule is about
    #[arg(short = 'l', long)]
    selector: Option<String>,
    /// Beginning: so long ago (6h, 30d), or a time: 18:00, 2026-11-29 or 2026-11-29T08:00, all in
    /// local time, or 2026-11-29T08:00:00+01:00
    #[arg(long, default_value = "7d", value_name = "TIME")]
    since: String,
    /// End: so long ago, or a time [default: now]
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Largest number of alarms that are listed of each rule, the latest ones; all are counted
    #[arg(long, value_name = "COUNT", default_value_t = 20,
        value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

pub async fn run(client: &Client, arguments: &Arguments, context: &Context<'_>) -> Result<()> {
    let rules = rules(&arguments.files)?;
    let mut names = arguments.names.clone();
    if rules.is_empty() && names.is_empty() {
        bail!(Usage(
            "name rules in force, or give a file with rules: -f FILE".into()
        ));
    }
    names.extend(in_force(client, &rules, &names).await?);
    let to = match &arguments.until {
        Some(text) => moment::past(text, server_now()).map_err(Usage)?,
        None => server_now(),
    };
    let test = TestAlarmRules {
        rules,
        names,
        selector: select::parse(arguments.selector.as_deref().unwrap_or_default())?,
        from: Some(moment::past(&arguments.since, to).map_err(Usage)?),
        to: Some(to),
        limit: Some(arguments.limit),
    };
    let request = client.test_alarm_rules(&test);
    let answer = progress::during("stepping through history", request).await?;
    let output = context.output;
    output.one(&answer, || page(&answer, output))
}

/// Returns the alarm rules of files.
fn rules(files: &[PathBuf]) -> Result<Vec<AlarmRule>> {
    let contents = utakata_documents::read(files)?;
    let mut rules = Vec::new();
    for document in contents.documents {
        // A file of a site has other things, too: they are not what is tested.
        if let Document::Alarm(rule) = document {
            rules.push(*rule);
        }
    }
    if rules.is_empty() && !files.is_empty() {
        bail!(Usage("there is no alarm rule in these files".into()));
    }
    Ok(rules)
}

/// Returns the names of rules in force that rules of files would replace.
async fn in_force(
    client: &Client,
    rules: &[AlarmRule],
    named: &[AlarmName],
) -> Result<Vec<AlarmName>> {
    if rules.is_empty() {
        return Ok(Vec::new());
    }
    let there = client.alarm_rules().await?.into_iter();
    let there = there.map(|view| view.rule.name);
    let is_meant =
        |name: &AlarmName| rules.iter().any(|rule| rule.name == *name) && !named.contains(name);
    Ok(there.filter(is_meant).collect())
}

fn page(test: &AlarmTest, output: &Output) -> String {
    let parts = test.rules.iter().map(|rule| part(test, rule, output));
    let parts: Vec<String> = parts.collect();
    parts.join("\n\n")
}

fn part(test: &AlarmTest, rule: &AlarmRuleTest, output: &Output) -> String {
    let origin = match rule.origin {
        RuleOrigin::Request => "from the file",
        RuleOrigin::Site => "of this site",
        RuleOrigin::Shipped => "shipped",
    };
    let since = rule.first.unwrap_or(test.from).max(test.from);
    let mut lines = vec![
        format!(
            "{} ({origin}): {} between {} and {}",
            rule.rule,
            counted(rule.alarms, "alarm"),
            time::moment(since),
            time::moment(test.to),
        ),
        format!(
            "  {} of {}, {}; {} a day, at most {} in ten minutes",
            counted_series(rule.series),
            counted(rule.targets, "target"),
            counted(rule.values, "value"),
            units::rounded(rule.per_day),
            rule.most_in_ten_minutes,
        ),
    ];
    lines.extend(rule.notes.iter().map(|note| format!("  {note}")));
    if !rule.spells.is_empty() {
        let spells = rule.spells.iter().map(|spell| Shown { spell, to: test.to });
        let spells: Vec<Shown<'_>> = spells.collect();
        lines.push(output.table_of(&spells).render(output.colours()));
    }
    let more = rule.alarms.saturating_sub(rule.spells.len() as u64);
    if more > 0 {
        lines.push(format!("and {more} earlier ones: --limit"));
    }
    lines.join("\n")
}

fn counted(count: u64, noun: &str) -> String {
    match count {
        0 => format!("no {noun}"),
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

fn counted_series(count: u64) -> String {
    match count {
        0 => "no series".into(),
        _ => format!("{count} series"),
    }
}

/// Returns a length of time in its two largest units: `3h 5m`.
fn lasted(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.duration_since(from).as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m {}s", seconds % 60),
        3600..86_400 => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

/// A time in which an alarm would have been active, in a test until a time.
struct Shown<'t> {
    spell: &'t AlarmSpell,
    to: Timestamp,
}

impl Row for Shown<'_> {
    const HEADERS: &'static [&'static str] = &["RAISED", "LASTED", "SERIES", "WHAT"];

    fn cells(&self) -> Vec<Cell> {
        let spell = self.spell;
        let lasted = lasted(spell.raised, spell.over.unwrap_or(self.to));
        let lasted = match spell.over {
            Some(_) => lasted,
            None => format!("{lasted} and on"),
        };
        let series = match spell.attributes.is_empty() {
            true => spell.target.to_string(),
            false => format!("{} {}", spell.target, words::pairs(&spell.attributes)),
        };
        let what = match spell.flapping {
            true => format!("{} (flapping)", spell.text),
            false => spell.text.clone(),
        };
        vec![
            time::moment(spell.raised).into(),
            lasted.into(),
            series.into(),
            what.into(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_has_its_two_largest_units() {
        for (seconds, expect) in [
            (0, "0s"),
            (59, "59s"),
            (125, "2m 5s"),
            (3600 + 300, "1h 5m"),
            (2 * 86_400 + 3 * 3600, "2d 3h"),
        ] {
            let from = Timestamp::from_second(1_000).unwrap();
            let to = Timestamp::from_second(1_000 + seconds).unwrap();
            assert_eq!(lasted(from, to), expect);
        }
    }
}
