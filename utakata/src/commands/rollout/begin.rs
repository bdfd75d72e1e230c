//! `utakata worker roll`: rolls out a release, and shows the progress.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use utakata_api::rollout::NewRollout;
use utakata_model::{Kind, RolloutPlan, Selector, duration};

use super::{exit, follow::follow, print};
use crate::{commands::Context, exit::Exit};

/// The kind, the release and the plan.
#[derive(Debug, Args)]
#[command(after_help = "\
In each environment the new release is started beside the one that serves. At first it repeats reads
as a shadow, and the answers are compared; then it gets a share of the tasks; then all of them. If it
is not as good as the previous release, that one continues, and the rollout shows the reason.

Examples:
  utakata worker roll snmp --to 1.5.0
  utakata worker roll apc-pdu --to 2.0 --canary 1,10,50 --wave site=test --wave zone=hall-1
  utakata worker roll snmp --to 1.5.1 --shadow 0 --canary none --watch 0s")]
pub struct Arguments {
    /// The kind
    kind: Kind,
    /// New release: its version, or the beginning of its digest
    #[arg(long, value_name = "RELEASE")]
    to: String,
    /// Number of answers to compare in the shadow of the serving release [default: 30]
    #[arg(long, value_name = "ANSWERS")]
    shadow: Option<u32>,
    /// Permitted difference of a number from the previous release's, as a fraction of it [default:
    /// 0.05]
    #[arg(long, value_name = "SHARE")]
    tolerance: Option<f64>,
    /// Successive shares of the tasks, in percent, or none [default: 5,25]
    #[arg(long, value_name = "PERCENT,...", value_parser = shares)]
    canary: Option<Shares>,
    /// Number of tasks at each share, in each environment [default: 100]
    #[arg(long, value_name = "TASKS")]
    canary_tasks: Option<u32>,
    /// Time at a share after which fewer tasks suffice, if the release does no worse in them: one
    /// leads on to the next share, and 20 in total to the end [default: 2m]
    #[arg(long, value_name = "TIME", value_parser = time)]
    canary_time: Option<Duration>,
    /// Factor by which tasks may take longer than with the previous release [default: 2]
    #[arg(long, value_name = "TIMES")]
    slower: Option<f64>,
    /// Time for which the release is watched after taking over [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = time)]
    watch: Option<Duration>,
    /// Environments that begin together, by label, zone or name; may be repeated [default: one
    /// environment, then all others]
    #[arg(long = "wave", value_name = "SELECTOR")]
    waves: Vec<Selector>,
    /// Reason, for the record
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    /// Begin it without waiting
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
