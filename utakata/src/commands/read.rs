//! `utakata read`: reads targets now, and shows the values.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Result, bail};
use clap::Args;
use utakata_api::{
    Client,
    ledger::Explanation,
    operation::{OperationView, Read},
    reading::ReadingView,
    task::TaskView,
};
use utakata_model::{ActionName, TaskId, TaskState, duration, suggest};

use super::Context;
use crate::{
    exit::{self, Exit},
    output::{Format, natural, words},
    parameters, progress, select,
};

/// The largest number of unfinished reads that the server is asked to explain.
const MAX_EXPLAINED: usize = 16;
/// The longest time for which the server waits for outcomes.
const WAIT_MAX: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  utakata read pdu-a1-a
  utakata read rack=A1 --max-age 1m
  utakata read rack=A1 --metric hw.power
  utakata read switch-1 --action get -p 'oids=[\"1.3.6.1.2.1.1.5.0\"]'

Exit codes: 0 all answered, 1 at least one failed, 2 wrong usage, 3 at least one has not ended,
4 all answered, but at least one answer is incomplete")]
pub struct Arguments {
    /// Targets: a selector (kind=apc-pdu,rack=A1), or a name
    selector: String,
    /// Observe action, instead of the default one of the target's kind
    #[arg(long)]
    action: Option<ActionName>,
    /// Parameter of the action; may be repeated
    #[arg(short = 'p', long = "parameter", value_name = "KEY=VALUE", value_parser = parameters::pair)]
    parameters: Vec<(String, String)>,
    /// Show only metrics that are this or begin with it
    #[arg(long, value_name = "PREFIX")]
    metric: Option<String>,
    /// Time to wait for answers, at most 60s
    #[arg(long, default_value = "10s", value_parser = duration::parse)]
    timeout: Duration,
    /// Answer from the last values if they are younger than this, and ask the target otherwise
    #[arg(long, value_name = "AGE", value_parser = duration::parse)]
    max_age: Option<Duration>,
}

pub async fn run(arguments: Arguments, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    let selector = select::resolve(&client, &arguments.selector).await?;
    let action = arguments.action.as_ref();
    let parameters = parameters::resolve(&client, &arguments.parameters, action).await?;
    let read = Read {
        selector,
        action: arguments.action,
        parameters,
        wait: arguments.timeout.min(WAIT_MAX),
        max_age: arguments.max_age,
    };
    let mut view = match progress::during("reading", client.read(&read)).await {
        Ok(view) => view,
        Err(error) => return Err(select::explain(&client, &read.selector, error).await),
    };
    view.tasks
        .sort_by(|one, other| natural::compare(one.target.as_str(), other.target.as_str()));
    let prefix = arguments.metric.as_deref();
    let none = prefix.and_then(|prefix| none_such(&view, prefix));
    if let Some(prefix) = prefix {
        keep(&mut view, prefix);
    }
    match context.output.format {
        Format::Table => {
            let held = held(&client, &view).await;
            let clocks = clocks(&client, &view).await;
            description(&view, read.wait, &held, &clocks, context)?;
        }
        Format::Json | Format::Yaml | Format::Csv => context.output.one(&view, String::new)?,
    }
    if let Some(none) = none {
        bail!(exit::Usage(none));
    }
    Ok(Exit::of_tasks(&view.counts))
}

fn keep(view: &mut OperationView, prefix: &str) {
    for task in &mut view.tasks {
        task.readings
            .retain(|reading| reading.metric.as_str().starts_with(prefix));
    }
}

/// Returns a hint if there are readings, but none of the requested metric.
fn none_such(view: &OperationView, prefix: &str) -> Option<String> {
    let readings = view.tasks.iter().flat_map(|task| &task.readings);
    let metrics: BTreeSet<&str> = readings.map(|reading| reading.metric.as_str()).collect();
    if metrics.is_empty() || metrics.iter().any(|metric| metric.starts_with(prefix)) {
        return None;
    }
    let hint = suggest::hint(prefix, metrics);
    Some(format!("no reading begins with \"{prefix}\": {hint}"))
}

/// Returns the reasons for unfinished reads, as far as somebody can change them.
async fn held(client: &Client, view: &OperationView) -> BTreeMap<TaskId, Explanation> {
    let mut held = BTreeMap::new();
    let waiting = view.tasks.iter().filter(|task| !task.state.is_final());
    for task in waiting.take(MAX_EXPLAINED) {
        if let Ok(explanation) = client.explain_task(task.id).await
            && explanation.cure.is_some()
        {
            held.insert(task.id, explanation);
        }
    }
    held
}

/// Describes the clocks that differ, if a task has expired: with an environment of an earlier
/// version, they are the reason.
async fn clocks(client: &Client, view: &OperationView) -> Vec<String> {
    if view.counts.expired == 0 {
        return Vec::new();
    }
    let Ok(status) = client.status().await else {
        return Vec::new();
    };
    let environments = status.environments.iter().filter_map(|one| {
        let differs = words::clock(one.clock_ahead_ms).text;
        let is_reported = !differs.is_empty();
        is_reported.then(|| format!("the clock of {} is {differs}: set it by NTP", one.id))
    });
    environments.collect()
}

fn description(
    view: &OperationView,
    waited: Duration,
    held: &BTreeMap<TaskId, Explanation>,
    clocks: &[String],
    context: &Context<'_>,
) -> Result<()> {
    let readings: Vec<ReadingView> = view.tasks.iter().flat_map(seen).collect();
    if !readings.is_empty() {
        context.output.list(&readings, "")?;
    }
    for result in view.tasks.iter().filter_map(result) {
        context.output.text(&result)?;
    }
    for task in &view.tasks {
        if let Some(line) = trouble(task, waited, held.get(&task.id)) {
            tell!("{line}");
        }
        if let Some(line) = strange(task) {
            tell!("{line}");
        }
    }
    clocks.iter().for_each(|line| tell!("{line}"));
    let counts = view.counts;
    let all = counts.planned + counts.queued + counts.succeeded + counts.failed;
    let all = all + counts.unknown + counts.expired + counts.cancelled;
    if all > view.tasks.len() as u64 {
        let shown = view.tasks.len();
        tell!("only {shown} of {all} targets are shown; all: `utakata get readings -l SELECTOR`");
    }
    let is_empty = view.tasks.iter().all(|task| result(task).is_none());
    if readings.is_empty() && is_empty && counts.succeeded == all {
        let word = if all == 1 { "target" } else { "targets" };
        tell!("{all} {word} answered; there was nothing to show");
    }
    Ok(())
}

fn seen(task: &TaskView) -> impl Iterator<Item = ReadingView> + use<'_> {
    let time = task.outcome.as_ref().map(|outcome| outcome.timings.ended);
    task.readings.iter().map(move |reading| ReadingView {
        target: task.target.clone(),
        time: time.unwrap_or(task.made),
        heard: None,
        reading: reading.clone(),
    })
}

/// Returns the worker's result besides readings.
fn result(task: &TaskView) -> Option<String> {
    let result = task.outcome.as_ref()?.result.as_ref()?;
    let value: serde_json::Value = serde_json::from_str(result.get()).ok()?;
    let text = serde_json::to_string_pretty(&value).ok()?;
    Some(format!("{}: {text}", task.target))
}

/// Describes a target that answers, but of which nothing was understood.
fn strange(task: &TaskView) -> Option<String> {
    let recognition = task.outcome.as_ref()?.recognition.as_ref()?;
    let problem = recognition.problem()?;
    Some(format!(
        "{}: answering, not understood: {}",
        task.target,
        words::problem(Some(&problem)).text
    ))
}

fn trouble(task: &TaskView, waited: Duration, held: Option<&Explanation>) -> Option<String> {
    let (target, state) = (&task.target, task.state);
    let problem = task.outcome.as_ref().and_then(|o| o.problem.as_ref());
    if state == TaskState::Succeeded {
        // The answer is incomplete.
        return Some(format!("{target}: {}", words::problem(Some(problem?)).text));
    }
    if !state.is_final() {
        let waited = duration::format(waited);
        let (why, cure) = match held {
            Some(Explanation {
                says,
                cure: Some(cure),
                ..
            }) => (format!("{says}; "), cure.clone()),
            _ => {
                let show = format!("see `utakata task show {}`, or --timeout", task.id);
                (String::new(), show)
            }
        };
        return Some(format!("{target}: no answer within {waited}: {why}{cure}"));
    }
    let problem = words::problem(problem).text;
    Some(format!("{target}: {}: {problem}", state.as_str()))
}
