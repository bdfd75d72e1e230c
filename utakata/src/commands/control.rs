//! `utakata control`: does something to targets.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use clap::Args;
use utakata_api::{
    Client, client,
    client::TaskQuery,
    operation::{Control, ControlAnswer, OperationView, Plan},
    task::TaskView,
};
use utakata_model::{ActionName, duration, manifest::Risk};

use super::{Context, operation};
use crate::{
    exit::{self, Exit},
    output::{Cell, Format, Row, Table, rows},
    parameters, progress, select,
};

/// How often an operation that takes long is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// The columns of a task that matter to who asked for it; the others are the same in all rows.
const SHOWN: [&str; 5] = ["TARGET", "STATE", "TOOK", "RESULT", "PROBLEM"];

#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct Arguments {
    /// Which targets: a selector (kind=apc-pdu,rack=A1), or the name of one
    selector: String,
    /// The control action: see `utakata get kinds`
    action: ActionName,
    /// A parameter of the action; may be given more than once
    #[arg(short = 'p', long = "parameter", value_name = "KEY=VALUE", value_parser = parameters::pair)]
    parameters: Vec<(String, String)>,
    /// Only check everything, and show what would be done
    #[arg(long)]
    dry_run: bool,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// How long to wait for the outcomes
    #[arg(long, default_value = "60s", value_parser = duration::parse)]
    timeout: Duration,
}

const AFTER: &str = "\
On a terminal it asks before it does anything to more than one target, or anything of high risk;
--yes answers that. Elsewhere it does not ask.

Examples:
  utakata control pdu-a1-a outlet-off -p outlet=3 --dry-run
  utakata control pdu-a1-a outlet-off -p outlet=3 --why 'server 12 is being moved'
  utakata control 'kind=apc-pdu,rack=A1' outlet-on -p outlet=3 --yes

Exit codes: 0 done, 1 failed (for at least one target), 2 wrong usage, nothing was done,
3 unknown (for at least one target nobody can know whether it took effect, or it has not ended)";

/// Controls.
pub async fn run(arguments: Arguments, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    let request = request(&client, &arguments).await?;
    let plan = match plan(&client, &request).await? {
        Ok(plan) => plan,
        Err(error) => return Err(select::explain(&client, &request.selector, error).await),
    };
    if arguments.dry_run {
        context.output.list(&plan.targets, "")?;
        eprintln!("dry run: nothing was done");
        return Ok(Exit::Done);
    }
    let ask = !arguments.yes && io::stdin().is_terminal() && io::stderr().is_terminal();
    if ask && !agreed(&client, &request, &plan).await? {
        bail!(exit::Usage("nothing was done".into()));
    }
    let view = carry_out(&client, &request, arguments.timeout).await?;
    show(&view, context)?;
    Ok(operation::exit(&view.counts))
}

async fn request(client: &Client, arguments: &Arguments) -> Result<Control> {
    let action = Some(&arguments.action);
    Ok(Control {
        selector: select::resolve(client, &arguments.selector).await?,
        action: arguments.action.clone(),
        parameters: parameters::resolve(client, &arguments.parameters, action).await?,
        dry_run: false,
        why: arguments.why.clone(),
        wait: arguments.timeout.min(operation::WAIT_MAX),
    })
}

async fn plan(client: &Client, request: &Control) -> Result<Result<Plan, client::Error>> {
    let request = Control {
        dry_run: true,
        ..request.clone()
    };
    match client.control(&request).await {
        Err(error) => Ok(Err(error)),
        Ok(ControlAnswer::Plan(plan)) => Ok(Ok(plan)),
        Ok(ControlAnswer::Operation(view)) => bail!(
            "the server did not keep to --dry-run: it began the operation {}",
            view.operation.id
        ),
    }
}

async fn agreed(client: &Client, request: &Control, plan: &Plan) -> Result<bool> {
    let risky = is_risky(client, request, plan).await?;
    let count = plan.targets.len();
    if count < 2 && !risky {
        return Ok(true);
    }
    let names: Vec<&str> = plan
        .targets
        .iter()
        .take(5)
        .map(|task| task.target.as_str())
        .collect();
    let more = if count > names.len() { ", …" } else { "" };
    let targets = if count == 1 { "target" } else { "targets" };
    let risk = if risky { " It is of high risk." } else { "" };
    eprint!(
        "{} on {count} {targets}: {}{more}.{risk} Do it? [y/N] ",
        request.action,
        names.join(", ")
    );
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

async fn is_risky(client: &Client, request: &Control, plan: &Plan) -> Result<bool> {
    let kinds = client.kinds().await?;
    let risky = |kind: &utakata_api::inventory::KindView| {
        let planned = plan
            .targets
            .iter()
            .any(|task| task.release.kind == kind.kind);
        let action = kind.manifest.action(&request.action);
        planned && action.is_some_and(|action| action.risk == Risk::High)
    };
    Ok(kinds.iter().any(risky))
}

/// Begins it, and waits until it has ended or the time is over.
async fn carry_out(client: &Client, request: &Control, timeout: Duration) -> Result<OperationView> {
    let began = Instant::now();
    let work = async {
        let mut view = match client.control(request).await? {
            ControlAnswer::Operation(view) => view,
            ControlAnswer::Plan(_) => bail!("the server only planned what it was told to do"),
        };
        while operation::is_under_way(&view.counts) && began.elapsed() < timeout {
            tokio::time::sleep(LOOK_AGAIN).await;
            view = client.operation(view.operation.id).await?;
        }
        let query = TaskQuery {
            operation: Some(view.operation.id),
            ..TaskQuery::default()
        };
        view.tasks = client.all_tasks(&query).await?;
        view.tasks
            .sort_by(|one, other| one.target.cmp(&other.target));
        Ok(view)
    };
    progress::during("waiting for the outcomes", work).await
}

fn cells(task: &TaskView) -> Vec<Cell> {
    let columns = TaskView::HEADERS.iter().zip(task.cells());
    let shown = columns.filter(|(header, _)| SHOWN.contains(header));
    shown.map(|(_, cell)| cell).collect()
}

fn show(view: &OperationView, context: &Context<'_>) -> Result<()> {
    let id = view.operation.id;
    match context.output.format {
        Format::Table => {
            let mut table = Table::new(&SHOWN);
            view.tasks.iter().for_each(|task| table.add(cells(task)));
            context
                .output
                .text(&table.render(context.output.colours()))?;
            let action = view.operation.action.as_ref().map(ToString::to_string);
            let action = action.unwrap_or_default();
            let counts = rows::counts(&view.counts).text;
            eprintln!("{action}: {counts}; more: `utakata operation show {id}`");
        }
        Format::Json | Format::Yaml => context.output.one(view, String::new)?,
    }
    if operation::is_under_way(&view.counts) && context.output.format != Format::Table {
        eprintln!("it has not ended: `utakata operation show {id}` tells how far it is");
    }
    if view.counts.unknown > 0 {
        eprintln!(
            "unknown means that nobody can know whether it took effect: read the target before \
             you try again"
        );
    }
    Ok(())
}
