//! `utakata read`: observes now, and shows what was seen.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use utakata_api::{
    operation::{OperationView, Read},
    reading::ReadingView,
    task::TaskView,
};
use utakata_model::{ActionName, TaskState, duration};

use super::{Context, operation};
use crate::{
    exit::Exit,
    output::{Format, words},
    parameters, progress, select,
};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  utakata read pdu-a1-a
  utakata read rack=A1 --metric hw.power
  utakata read switch-1 --action get -p 'oids=[\"1.3.6.1.2.1.1.5.0\"]'

Exit codes: 0 all answered, 1 at least one failed, 2 wrong usage, 3 at least one has not ended")]
pub struct Arguments {
    /// Which targets: a selector (kind=apc-pdu,rack=A1), or the name of one
    selector: String,
    /// The observe action, instead of the default one of the target's kind
    #[arg(long)]
    action: Option<ActionName>,
    /// A parameter of the action; may be given more than once
    #[arg(short = 'p', long = "parameter", value_name = "KEY=VALUE", value_parser = parameters::pair)]
    parameters: Vec<(String, String)>,
    /// Show only metrics that are this or begin with it
    #[arg(long, value_name = "PREFIX")]
    metric: Option<String>,
    /// How long to wait for answers, at most 60s
    #[arg(long, default_value = "10s", value_parser = duration::parse)]
    timeout: Duration,
}

/// Reads.
pub async fn run(arguments: Arguments, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    let selector = select::resolve(&client, &arguments.selector).await?;
    let action = arguments.action.as_ref();
    let parameters = parameters::resolve(&client, &arguments.parameters, action).await?;
    let read = Read {
        selector,
        action: arguments.action,
        parameters,
        wait: arguments.timeout.min(operation::WAIT_MAX),
    };
    let mut view = progress::during("reading", client.read(&read)).await?;
    if let Some(prefix) = &arguments.metric {
        keep(&mut view, prefix);
    }
    match context.output.format {
        Format::Table => told(&view, context)?,
        Format::Json | Format::Yaml => context.output.one(&view, String::new)?,
    }
    Ok(operation::exit(&view.counts))
}

fn keep(view: &mut OperationView, prefix: &str) {
    for task in &mut view.tasks {
        task.readings
            .retain(|reading| reading.metric.as_str().starts_with(prefix));
    }
}

fn told(view: &OperationView, context: &Context<'_>) -> Result<()> {
    let readings: Vec<ReadingView> = view.tasks.iter().flat_map(seen).collect();
    if !readings.is_empty() {
        context.output.list(&readings, "")?;
    }
    for result in view.tasks.iter().filter_map(result) {
        context.output.text(&result)?;
    }
    for task in &view.tasks {
        if let Some(line) = trouble(task) {
            eprintln!("{line}");
        }
    }
    let counts = view.counts;
    let all = counts.planned + counts.queued + counts.succeeded + counts.failed;
    let all = all + counts.unknown + counts.expired + counts.cancelled;
    if all > view.tasks.len() as u64 {
        let shown = view.tasks.len();
        eprintln!(
            "only {shown} of {all} targets are shown; all: `utakata get readings -l SELECTOR`"
        );
    }
    if readings.is_empty() && counts.succeeded == all {
        eprintln!("{all} answered; there was nothing to show of it");
    }
    Ok(())
}

fn seen(task: &TaskView) -> impl Iterator<Item = ReadingView> + use<'_> {
    let time = task.outcome.as_ref().map(|outcome| outcome.timings.ended);
    task.readings.iter().map(move |reading| ReadingView {
        target: task.target.clone(),
        time: time.unwrap_or(task.made),
        reading: reading.clone(),
    })
}

/// What the worker answered besides readings.
fn result(task: &TaskView) -> Option<String> {
    let result = task.outcome.as_ref()?.result.as_ref()?;
    let value: serde_json::Value = serde_json::from_str(result.get()).ok()?;
    let text = serde_json::to_string_pretty(&value).ok()?;
    Some(format!("{}: {text}", task.target))
}

fn trouble(task: &TaskView) -> Option<String> {
    let state = task.state;
    if state == TaskState::Succeeded {
        return None;
    }
    let problem = words::problem(task.outcome.as_ref().and_then(|o| o.problem.as_ref())).text;
    let problem = if state.is_final() {
        problem
    } else {
        "it has not ended in time".into()
    };
    Some(format!("{}: {}: {problem}", task.target, state.as_str()))
}
