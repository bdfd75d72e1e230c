//! `utakata alarm`: what is wrong, and what people do about it.

mod replay;
mod report;
mod view;

use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use utakata_api::{
    Client,
    alarm::{Acknowledge, AlarmView, Shelve},
    client::AlarmQuery,
};
use utakata_model::{AlarmId, Severity, duration};

use super::Context;
use crate::{exit::Exit, identifiers, output::Format, select};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List alarms, the worst first: causes only, unless asked for more
    #[command(after_help = "\
Alarms that others explain are counted under their cause. Exit codes: 0 no alarm is critical,
1 at least one is.

Examples:
  utakata alarm list
  utakata alarm list -l room=north --explained
  utakata alarm list --all -o json")]
    List(List),
    /// Show one alarm in full
    #[command(after_help = "\
Examples:
  utakata alarm show last
  utakata alarm show 0192f0c1")]
    Show(Which),
    /// Explain an alarm: its rule, what explains it, and what it explains
    #[command(after_help = "Example: utakata alarm explain 0192f0c1")]
    Explain(Which),
    /// Acknowledge alarms: somebody has seen them
    #[command(after_help = "\
An alarm that is over and acknowledged is gone from the list; the audit trail keeps the act.

Example: utakata alarm ack 0192f0c1 --why 'on my way'")]
    Ack(Several),
    /// Shelve an alarm: nobody is told of it for a time
    #[command(after_help = "\
At the end of the time it is told anew, if it is still so. Work on a whole target is a lock:
utakata target lock.

Example: utakata alarm shelve 0192f0c1 --for 2h --why 'the fan comes tomorrow'")]
    Shelve(ShelveArguments),
    /// Take an alarm off the shelf: it is told anew, if it is still so
    #[command(after_help = "Example: utakata alarm unshelve 0192f0c1")]
    Unshelve(Several),
    /// Test rules on history: when they would have been raised, for how long, on what
    #[command(after_help = "\
The same decisions over what was seen then, with the targets, labels and schedules of today. Causes,
locks and shelves of that time do not count. Nothing is stored.

Examples:
  utakata alarm test inlet-warm --since 30d
  utakata alarm test -f rules.yaml -l room=north
  utakata alarm test silent --since 2d --until 1d -o json")]
    Test(replay::Arguments),
    /// Report how good the alarms are, by the figures of ISA-18.2 and EEMUA 191
    #[command(after_help = "Example: utakata alarm report --since 30d")]
    Report(report::Arguments),
}

#[derive(Debug, Args)]
pub struct List {
    /// Only those of the targets of this selector
    #[arg(short = 'l', long)]
    selector: Option<String>,
    /// Only those of this severity
    #[arg(long, value_enum)]
    severity: Option<SeverityWord>,
    /// Those that others explain, too
    #[arg(long)]
    explained: bool,
    /// Those that are over and not acknowledged, too
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SeverityWord {
    Critical,
    Major,
    Minor,
    Notice,
}

#[derive(Debug, Args)]
pub struct Which {
    /// The id, or an unambiguous start or end of it, or last: the alarm that was raised last
    #[arg(value_name = "ALARM")]
    which: String,
}

#[derive(Debug, Args)]
pub struct Several {
    /// The ids, or unambiguous starts or ends of them, or last: the alarm that was raised last
    #[arg(value_name = "ALARM", required = true)]
    which: Vec<String>,
    /// Reason, for the record
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

#[derive(Debug, Args)]
pub struct ShelveArguments {
    /// The ids, or unambiguous starts or ends of them, or last: the alarm that was raised last
    #[arg(value_name = "ALARM", required = true)]
    which: Vec<String>,
    /// Reason, for others to read
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// Time for which nobody is told, at most a week
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse)]
    lasts: Duration,
}

impl Command {
    /// Returns true if the command changes something.
    pub fn changes(&self) -> bool {
        matches!(self, Self::Ack(_) | Self::Shelve(_) | Self::Unshelve(_))
    }
}

impl From<SeverityWord> for Severity {
    fn from(word: SeverityWord) -> Self {
        match word {
            SeverityWord::Critical => Self::Critical,
            SeverityWord::Major => Self::Major,
            SeverityWord::Minor => Self::Minor,
            SeverityWord::Notice => Self::Notice,
        }
    }
}

pub async fn run(command: Command, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    match command {
        Command::List(arguments) => return list(&client, &arguments, context).await,
        Command::Show(which) => {
            let id = identifiers::alarm(&client, &which.which, context.purpose).await?;
            print(&client.alarm(id).await?, context)?;
        }
        Command::Explain(which) => {
            let id = identifiers::alarm(&client, &which.which, context.purpose).await?;
            let explanation = client.explain_alarm(id).await?;
            context
                .output
                .one(&explanation, || view::explanation(&explanation))?;
        }
        Command::Ack(said) => {
            let body = Acknowledge { why: said.why };
            for id in ids(&client, &said.which, context).await? {
                print(&client.acknowledge_alarm(id, &body).await?, context)?;
            }
        }
        Command::Shelve(said) => {
            let body = Shelve {
                lasts: said.lasts,
                why: said.why,
            };
            for id in ids(&client, &said.which, context).await? {
                print(&client.shelve_alarm(id, &body).await?, context)?;
            }
        }
        Command::Unshelve(said) => {
            let body = Acknowledge { why: said.why };
            for id in ids(&client, &said.which, context).await? {
                print(&client.unshelve_alarm(id, &body).await?, context)?;
            }
        }
        Command::Test(arguments) => replay::run(&client, &arguments, context).await?,
        Command::Report(arguments) => report::run(&client, &arguments, context).await?,
    }
    Ok(Exit::Done)
}

/// Returns the identifiers: all of them, before anything is done.
async fn ids(client: &Client, which: &[String], context: &Context<'_>) -> Result<Vec<AlarmId>> {
    let mut ids = Vec::new();
    for text in which {
        ids.push(identifiers::alarm(client, text, context.purpose).await?);
    }
    Ok(ids)
}

fn print(alarm: &AlarmView, context: &Context<'_>) -> Result<()> {
    context.output.one(alarm, || view::page(alarm))
}

async fn list(client: &Client, arguments: &List, context: &Context<'_>) -> Result<Exit> {
    let query = AlarmQuery {
        state: arguments.all.then(|| "all".into()),
        severity: arguments.severity.map(Severity::from),
        selector: select::parse(arguments.selector.as_deref().unwrap_or_default())?,
        cause: (!arguments.explained).then(|| "none".into()),
    };
    let alarms = client.alarms(&query).await?;
    context.output.list(&alarms, "no alarm")?;
    let explained: u64 = alarms.iter().map(|alarm| alarm.explains).sum();
    if context.output.format == Format::Table && explained > 0 && !arguments.explained {
        tell!("{explained} others are explained by these: --explained shows them, too");
    }
    let is_critical = |alarm: &AlarmView| alarm.active && alarm.severity == Severity::Critical;
    Ok(match alarms.iter().any(is_critical) {
        true => Exit::Failed,
        false => Exit::Done,
    })
}
