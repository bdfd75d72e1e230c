//! `utakata target`: lists, shows and imports targets.

mod import;
mod lock;

use anyhow::Result;
use clap::{Subcommand, ValueEnum};
use utakata_api::{
    Client,
    client::ReadingQuery,
    inventory::{Health, LaneView, TargetView},
    ledger::Reason,
    reading::ReadingView,
};
use utakata_documents::csv;
use utakata_model::{Recognition, Selector, TargetName};

use super::Context;
use crate::{
    exit::Exit,
    output::{Format, Output, plain, time, words},
    progress, select,
};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List targets
    #[command(after_help = "Examples:
  utakata target list
  utakata target list --health failing,stale
  utakata target list -l rack=A1 -o json")]
    List {
        /// Only targets of this selector: kind=apc-pdu,rack in (A1,A2),!retired
        #[arg(short = 'l', long)]
        selector: Option<String>,
        /// Only targets of this health; several are separated by commas
        #[arg(long, value_enum, value_delimiter = ',', value_name = "HEALTH")]
        health: Vec<HealthWord>,
    },
    /// Show a target and its latest observations
    #[command(after_help = "Example: utakata target show pdu-a1-a")]
    Show {
        /// Name of the target
        name: TargetName,
    },
    /// Lock a target for yourself: no control of this priority or a lower one begins on it
    Lock(lock::Arguments),
    /// Unlock a target, whoever has locked it
    #[command(after_help = "Example: utakata target unlock pdu-a1-a --why 'the fan is replaced'")]
    Unlock {
        /// Name of the target
        name: TargetName,
        /// Reason, for the record
        #[arg(long, value_name = "TEXT")]
        why: Option<String>,
    },
    /// List the locked targets: by whom, why and until when
    #[command(after_help = "Example: utakata target locks")]
    Locks,
    /// Import targets from a CSV file
    Import(import::Arguments),
}

impl Command {
    /// Returns true if the command changes something.
    pub fn changes(&self) -> bool {
        !matches!(self, Self::List { .. } | Self::Show { .. } | Self::Locks)
    }
}

pub async fn run(command: Command, context: &Context<'_>) -> Result<Exit> {
    match command {
        Command::List { selector, health } => {
            list(selector.as_deref(), &health, context).await?;
        }
        Command::Show { name } => show(&context.client()?, &name, context).await?,
        Command::Lock(arguments) => lock::run(arguments, context).await?,
        Command::Unlock { name, why } => {
            context.client()?.unlock(&name, &Reason { why }).await?;
            tell!("{name} is free");
        }
        Command::Locks => {
            let locks = context.client()?.locks().await?;
            context.output.list(&locks, "no target is locked")?;
        }
        Command::Import(arguments) => import::run(&arguments, context).await?,
    }
    Ok(Exit::Done)
}

/// The health of a target, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HealthWord {
    /// Did not answer the last read
    #[value(alias = "silent")]
    Failing,
    /// Answered the last read, but longer ago than its schedules allow
    Stale,
    /// Answered the last read, but not with everything that was requested
    #[value(alias = "incomplete")]
    Partial,
    /// Answers, but no profile understands it
    NotUnderstood,
    /// Selected by a schedule, but not read yet
    #[value(alias = "never")]
    Unseen,
    /// Selected by no schedule, so its health is unknown
    #[value(alias = "not-observed")]
    Unobserved,
    /// Answers as frequently as its schedules demand
    #[value(alias = "ok")]
    Answering,
}

impl From<HealthWord> for Health {
    fn from(word: HealthWord) -> Self {
        match word {
            HealthWord::Failing => Self::Failing,
            HealthWord::Stale => Self::Stale,
            HealthWord::Partial => Self::Partial,
            HealthWord::NotUnderstood => Self::NotUnderstood,
            HealthWord::Unseen => Self::Unseen,
            HealthWord::Unobserved => Self::Unobserved,
            HealthWord::Answering => Self::Answering,
        }
    }
}

/// Lists targets, filtered by selector and health.
pub async fn list(
    selector: Option<&str>,
    health: &[HealthWord],
    context: &Context<'_>,
) -> Result<()> {
    let selector = select::parse(selector.unwrap_or_default())?;
    let health: Vec<Health> = health.iter().map(|word| Health::from(*word)).collect();
    let client = context.client()?;
    let found = client.targets_that_are(&selector, &health);
    let found = progress::during("fetching targets", found).await?;
    let empty = match found.is_empty() {
        true => none(&client, &selector, &health).await,
        false => String::new(),
    };
    if context.output.format == Format::Csv {
        let text = csv::write(found.iter().map(|view| &view.target))?;
        return context.output.text(&text);
    }
    context.output.list(&found, &empty)
}

/// Explains an empty list of targets: the filter, and the existing values.
async fn none(client: &Client, selector: &Selector, health: &[Health]) -> String {
    let words: Vec<&str> = health.iter().map(|health| health.as_str()).collect();
    let there = match health.is_empty() {
        true => 0,
        false => client.targets(selector).await.map_or(0, |all| all.len()),
    };
    match (there, selector.is_everything()) {
        (0, true) => "there are no targets yet: see `utakata apply --help`".into(),
        (0, false) => select::none(client, selector).await,
        (there, true) => format!("none of {there} targets is {}", words.join(" or ")),
        (there, false) => format!(
            "none of the {there} targets of \"{selector}\" is {}",
            words.join(" or ")
        ),
    }
}

/// A target with its readings.
#[derive(Debug, serde::Serialize)]
struct Shown {
    #[serde(flatten)]
    target: TargetView,
    readings: Vec<ReadingView>,
}

async fn show(client: &Client, name: &TargetName, context: &Context<'_>) -> Result<()> {
    let target = client.target(name).await?;
    let query = ReadingQuery {
        selector: Selector::name(name),
        metric: None,
    };
    let readings = client.readings(&query).await?;
    let shown = Shown { target, readings };
    let output = context.output;
    output.one(&shown, || description(&shown, output))
}

fn description(shown: &Shown, output: &Output) -> String {
    let Shown {
        target: view,
        readings,
    } = shown;
    let target = &view.target;
    let credential = target.credential.as_ref().map(ToString::to_string);
    let health = words::health(view.health).text;
    let answered = view
        .answered
        .map_or_else(String::new, |time| format!(", {}", words::ago(time)));
    let mut text = format!(
        "name        {}\nkind        {}\naddress     {}\nzone        {}\ncredential  {}\nlabels      {}\nhealth      {health}{answered}\n",
        target.name,
        target.kind,
        plain::line(&target.address),
        target.zone,
        credential.unwrap_or_else(|| "(none)".into()),
        words::labels(&target.labels),
    );
    if let Some(problem) = &view.problem {
        text.push_str(&format!(
            "problem     {}\n",
            words::sentence(&problem.to_string())
        ));
    }
    for one in &view.missing {
        let line = words::sentence(&one.to_string());
        text.push_str(&format!("missing     {line}\n"));
    }
    if let Some(recognition) = &view.recognition {
        text.push_str(&recognised(recognition));
    }
    if let Some(lane) = &view.control {
        text.push_str(&control(lane));
    }
    if !readings.is_empty() {
        let table = output.table_of(readings).render(output.colours());
        text.push_str(&format!("\n{table}"));
    }
    text
}

/// Returns the profiles by which a target was recognised, one per line.
fn recognised(recognition: &Recognition) -> String {
    let mut text = String::new();
    let profiles = recognition.profiles.join(", ");
    text.push_str(&format!("profiles    {}\n", plain::line(&profiles)));
    if let Some(identity) = &recognition.identity {
        text.push_str(&format!("identity    {}\n", plain::line(identity)));
    }
    text
}

/// Returns the lane of control of a target, in lines.
fn control(lane: &LaneView) -> String {
    let mut text = String::new();
    if let Some(lock) = &lane.lock {
        text.push_str(&format!(
            "locked      by {} until {}: {} (passed by {})\n",
            lock.by,
            time::clock(lock.until),
            plain::line(&lock.why),
            words::passed_by(lock.priority)
        ));
    }
    if let Some(holder) = lane.holder {
        text.push_str(&format!("held by     task {holder}\n"));
    }
    if lane.waiting > 0 {
        let tasks = if lane.waiting == 1 { "task" } else { "tasks" };
        text.push_str(&format!("waiting     {} control {tasks}\n", lane.waiting));
    }
    text
}
