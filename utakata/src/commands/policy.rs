//! `utakata policy`: what acts by itself.

mod trial;
mod view;

use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand};
use utakata_api::{
    client::server_now,
    ledger::Reason,
    policy::{ArmPolicy, TestPolicy},
};
use utakata_model::{PolicyName, TargetName, duration};

use super::Context;
use crate::{
    exit::{Exit, Usage},
    moment,
};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List policies: what each does now, and why
    #[command(after_help = "Example: utakata policy list")]
    List,
    /// Show one policy: its inputs, what it has changed, and what holds it back
    #[command(after_help = "Example: utakata policy show shed-feed-a")]
    Show(Which),
    /// Show what a policy would have done in the past, and the token that arms it
    #[command(after_help = "\
The same decisions on what had been heard by then; nothing reacts to them. The token is bound to the
document, the envelopes and the result, and counts for a week.

Example: utakata policy test shed-feed-a --since 30d")]
    Test(TestArguments),
    /// Try policies in a simulated room, in which everything they do has its effect
    #[command(after_help = trial::HELP)]
    Trial(trial::Arguments),
    /// Arm a policy for a time, with the token of its last test
    #[command(after_help = "\
Where an action is of high risk and the site wants approvals, two people give the same command.
After the time it is in shadow again, and hands back what it has changed.

Example: utakata policy arm shed-feed-a --token 3f2a…-91c0 --for 7d --why 'UPS-B is gone'")]
    Arm(ArmArguments),
    /// Put a policy into shadow: it hands back what it has changed, and does nothing more
    #[command(after_help = "Example: utakata policy shadow shed-feed-a --why 'back to normal'")]
    Shadow(Said),
    /// Switch a policy off: it hands back what it has changed, and decides nothing more
    #[command(after_help = "Example: utakata policy off shed-feed-a --why 'never again'")]
    Off(Said),
    /// Take all hands off at once: every policy is in shadow, and hands back what it has changed
    #[command(after_help = "\
Example: utakata policy stop --why 'something is wrong'")]
    Stop(Why),
    /// End the red rule of an envelope, by which no policy acts after so many failures
    #[command(after_help = "\
Policies stay in shadow until they are armed again.

Example: utakata policy resume --why 'the PDU was replaced'")]
    Resume(Why),
    /// Explain the decisions of a policy, now or at any time of the past
    #[command(after_help = "\
Examples:
  utakata policy explain shed-feed-a
  utakata policy explain hung-bmc --target bmc-17 --at 2026-11-30T02:13:00Z")]
    Explain(ExplainArguments),
}

#[derive(Debug, Args)]
pub struct Which {
    /// The name of the policy
    #[arg(value_name = "POLICY")]
    name: PolicyName,
}

#[derive(Debug, Args)]
pub struct Why {
    /// Reason, for the record
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

#[derive(Debug, Args)]
pub struct Said {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    reason: Why,
}

#[derive(Debug, Args)]
pub struct TestArguments {
    #[command(flatten)]
    which: Which,
    /// Time of the past over which it is tested, until now; at most 90d
    #[arg(long, value_name = "DURATION", default_value = "7d", value_parser = duration::parse)]
    since: Duration,
}

#[derive(Debug, Args)]
pub struct ArmArguments {
    #[command(flatten)]
    which: Which,
    /// Token of its last test
    #[arg(long, value_name = "TOKEN")]
    token: String,
    /// Time after which it is in shadow again; at most 30d
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
    lasts: Duration,
    /// Let its operations wait for the approval of a person
    #[arg(long)]
    advise: bool,
    #[command(flatten)]
    reason: Why,
}

#[derive(Debug, Args)]
pub struct ExplainArguments {
    #[command(flatten)]
    which: Which,
    /// Time of the past: so long ago (6h), or a time: 18:00, 2026-11-29 or 2026-11-29T08:00, all in
    /// local time, or 2026-11-30T02:13:00Z
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Target, if it decides for each
    #[arg(long, value_name = "TARGET")]
    target: Option<TargetName>,
}

impl Command {
    /// Returns true if the command changes something.
    pub fn changes(&self) -> bool {
        !matches!(
            self,
            Self::List | Self::Show(_) | Self::Test(_) | Self::Trial(_) | Self::Explain(_)
        )
    }
}

pub async fn run(command: Command, context: &Context<'_>) -> Result<Exit> {
    if let Command::Trial(arguments) = &command {
        return trial::run(arguments, context).await;
    }
    let client = context.client()?;
    let output = context.output;
    match command {
        Command::List => output.list(&client.policies().await?, "there is no policy")?,
        Command::Show(which) => {
            let policy = client.policy(&which.name).await?;
            output.one(&policy, || view::page(&policy))?;
        }
        Command::Test(arguments) => {
            let test = TestPolicy {
                since: arguments.since,
            };
            let name = &arguments.which.name;
            let tested = client.test_policy(name, &test).await?;
            output.one(&tested, || view::test(name, &tested))?;
        }
        Command::Arm(arguments) => {
            let arm = ArmPolicy {
                token: arguments.token,
                lasts: arguments.lasts,
                advise: arguments.advise,
                why: arguments.reason.why,
            };
            let name = &arguments.which.name;
            let armed = client.arm_policy(name, &arm).await?;
            output.one(&armed, || view::armed(name, &arm, &armed))?;
        }
        // It needs no server.
        Command::Trial(_) => {}
        Command::Shadow(said) => disarm(&client, said, "shadow", context).await?,
        Command::Off(said) => disarm(&client, said, "off", context).await?,
        Command::Stop(said) => {
            let policies = client.stop_policies(&Reason { why: said.why }).await?;
            output.list(&policies, "there is no policy")?;
        }
        Command::Resume(said) => {
            let policies = client.resume_policies(&Reason { why: said.why }).await?;
            output.list(&policies, "there is no policy")?;
        }
        Command::Explain(arguments) => {
            let at = arguments.at.as_deref();
            let at = at.map(|text| moment::past(text, server_now()));
            let at = at.transpose().map_err(Usage)?;
            let name = &arguments.which.name;
            let target = arguments.target.as_ref();
            let explained = client.explain_policy(name, at, target).await?;
            output.one(&explained, || view::explanation(&explained))?;
        }
    }
    Ok(Exit::Done)
}

async fn disarm(
    client: &utakata_api::Client,
    said: Said,
    verb: &str,
    context: &Context<'_>,
) -> Result<()> {
    let reason = Reason {
        why: said.reason.why,
    };
    let policy = client
        .disarm_policy(&said.which.name, verb, &reason)
        .await?;
    context.output.one(&policy, || view::page(&policy))
}
