//! `utakata worker roll`: brings a kind to another release, and shows how far it is.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use utakata_api::rollout::NewRollout;
use utakata_model::{Kind, RolloutPlan, Selector, duration};

use super::{exit, follow::follow, print};
use crate::{commands::Context, exit::Exit};

/// Of which kind, to which release, and how.
#[derive(Debug, Args)]
#[command(after_help = "\
In each environment the new release is started beside the one that serves. First it repeats reads
in its shadow, and the answers are compared; then it gets a share of the tasks; then all. If it is
not as good as the one before, that one goes on, and the rollout says why.

Examples:
  utakata worker roll snmp --to 1.5.0
  utakata worker roll apc-pdu --to 2.0 --canary 1,10,50 --wave site=test --wave zone=hall-1
  utakata worker roll snmp --to 1.5.1 --shadow 0 --canary none --watch 0s")]
pub struct Arguments {
    /// The kind
    kind: Kind,
    /// The release to go to: its version, or the beginning of its digest
    #[arg(long, value_name = "RELEASE")]
    to: String,
    /// Answers to compare in the shadow of the release that serves [default: 30]
    #[arg(long, value_name = "ANSWERS")]
    shadow: Option<u32>,
    /// How far a number may be from what the release before reads, as a share [default: 0.05]
    #[arg(long, value_name = "SHARE")]
    tolerance: Option<f64>,
    /// The shares of the tasks that it gets one after the other, in percent, or none [default: 5,25]
    #[arg(long, value_name = "PERCENT,...", value_parser = shares)]
    canary: Option<Shares>,
    /// Tasks that it does at each share, in each environment [default: 100]
    #[arg(long, value_name = "TASKS")]
    canary_tasks: Option<u32>,
    /// After this time at a share fewer tasks are enough, if it is no worse in them: one leads on
    /// to the next share, and 20 in all to the end [default: 2m]
    #[arg(long, value_name = "TIME", value_parser = time)]
    canary_time: Option<Duration>,
    /// How many times as long as the release before it may take [default: 2]
    #[arg(long, value_name = "TIMES")]
    slower: Option<f64>,
    /// How long it is watched after it has taken over [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = time)]
    watch: Option<Duration>,
    /// Environments that begin together, by their labels, zone or name; give it several times
    /// [default: one environment, then all others]
    #[arg(long = "wave", value_name = "SELECTOR")]
    waves: Vec<Selector>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    /// Begin it, and do not wait
    #[arg(long)]
    detach: bool,
}

/// Shares of the tasks, from 0 to 1.
#[derive(Debug, Clone, PartialEq)]
struct Shares(Vec<f64>);

fn shares(text: &str) -> Result<Shares, String> {
    if text == "none" {
        return Ok(Shares(Vec::new()));
    }
    let share = |text: &str| match text.trim().trim_end_matches('%').parse::<f64>() {
        Ok(percent) if percent > 0.0 && percent <= 100.0 => Ok(percent / 100.0),
        _ => Err(format!(
            "\"{text}\" is not a share in percent, as in 5,25: or say none"
        )),
    };
    text.split(',')
        .map(share)
        .collect::<Result<_, _>>()
        .map(Shares)
}

fn time(text: &str) -> Result<Duration, String> {
    duration::parse(text).map_err(|error| error.to_string())
}

impl Arguments {
    fn plan(&self) -> RolloutPlan {
        let usual = RolloutPlan::default();
        RolloutPlan {
            shadow_answers: self.shadow.unwrap_or(usual.shadow_answers),
            tolerance: self.tolerance.unwrap_or(usual.tolerance),
            canary_shares: match &self.canary {
                Some(Shares(shares)) => shares.clone(),
                None => usual.canary_shares,
            },
            canary_tasks: self.canary_tasks.unwrap_or(usual.canary_tasks),
            canary_time: self.canary_time.unwrap_or(usual.canary_time),
            slower: self.slower.unwrap_or(usual.slower),
            watch: self.watch.unwrap_or(usual.watch),
        }
    }
}

/// Does it.
pub async fn run(arguments: Arguments, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    let asked = NewRollout {
        plan: arguments.plan(),
        kind: arguments.kind,
        to: arguments.to,
        waves: arguments.waves,
        why: arguments.why,
    };
    let rollout = client.begin_rollout(&asked).await?;
    if arguments.detach {
        print(&rollout, context)?;
        return Ok(Exit::Done);
    }
    let rollout = follow(&client, rollout, context.output).await?;
    Ok(exit(&rollout))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_given_in_percent() {
        for (text, expect) in [
            ("5,25", Some(vec![0.05, 0.25])),
            ("1%, 100%", Some(vec![0.01, 1.0])),
            ("none", Some(vec![])),
            ("0", None),
            ("101", None),
            ("a", None),
            ("", None),
        ] {
            assert_eq!(shares(text).ok(), expect.map(Shares), "{text}");
        }
    }
}
