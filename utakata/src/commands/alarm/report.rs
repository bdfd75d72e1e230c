//! `utakata alarm report`: the quality of the alarms.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use utakata_api::{Client, alarm::AlarmReport};
use utakata_model::duration;

use crate::{commands::Context, output::units};

/// The figures from which alarms are too many for one person (EEMUA 191, ISA-18.2).
const MANY_A_DAY: f64 = 150.0;
const FLOOD: u64 = 10;
const MANY_FLOODS: f64 = 0.01;

#[derive(Debug, Args)]
pub struct Arguments {
    /// Time that it is about, until now
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = duration::parse)]
    since: Duration,
}

pub async fn run(client: &Client, arguments: &Arguments, context: &Context<'_>) -> Result<()> {
    let report = client.alarm_report(arguments.since).await?;
    context.output.one(&report, || page(&report))
}

fn page(report: &AlarmReport) -> String {
    let verdict = |is_good: bool, limit: &str| match is_good {
        true => String::new(),
        false => format!("   too many: good is {limit}"),
    };
    let mut lines = vec![
        format!("alarms                 {}", report.alarms),
        format!(
            "a day                  {}{}",
            units::rounded(report.per_day),
            verdict(report.per_day <= MANY_A_DAY, "150 or fewer")
        ),
        format!(
            "most in ten minutes    {}{}",
            report.most_in_ten_minutes,
            verdict(report.most_in_ten_minutes <= FLOOD, "10 or fewer")
        ),
        format!(
            "time in floods         {} %{}",
            units::rounded(report.flood_share * 100.0),
            verdict(report.flood_share < MANY_FLOODS, "less than 1 %")
        ),
        format!("active for over a day  {}", report.stale),
    ];
    for one in &report.chattering {
        lines.push(format!(
            "chatters               {} on {}",
            one.rule, one.target
        ));
    }
    for rule in &report.rules {
        lines.push(format!(
            "most                   {} of {}",
            rule.alarms, rule.rule
        ));
    }
    lines.join("\n")
}
