//! `utakata operation undo`: undoes an operation.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use utakata_api::{
    Client, client,
    operation::{LeftOut, OperationView, Undo, UndoAnswer, UndoPlan, Undone},
};
use utakata_model::{OperationId, duration};

use super::{Context, Which};
use crate::{
    commands::control::{self, CommandEffect, Consent, consent},
    exit::{Exit, Usage},
    identifiers,
    output::{Cell, Format, Row, Table, tell_lines, words},
};

#[derive(Debug, Args)]
#[command(after_help = "\
Targets return to their previous state, in the way that the manifest declares. Targets where nothing
was changed, or that cannot be undone, are left out, with the reason. Undoing is an operation of its
own (one for each combination of action and parameters), and can be undone.

Examples:
  utakata operation undo last --dry-run
  utakata operation undo last --why 'the wrong rack'

Exit codes: as for control")]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// Check everything and show the plan, but do nothing
    #[arg(long)]
    dry_run: bool,
    /// Reason, for the record
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
    /// Token of a plan shown by --dry-run: do exactly that, or nothing
    #[arg(long, value_name = "TOKEN")]
    plan: Option<String>,
    /// Expected number of targets: do nothing if it would be another number
    #[arg(long, value_name = "COUNT")]
    expect: Option<u64>,
    /// Time to wait for the outcomes
    #[arg(long, default_value = "60s", value_parser = duration::parse)]
    timeout: Duration,
}

pub async fn run(arguments: Arguments, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    let id = identifiers::operation(&client, &arguments.which.id, context.purpose).await?;
    let mut undo = Undo {
        plan: arguments.plan,
        expect: arguments.expect,
        why: arguments.why,
        ..Undo::default()
    };
    let plan = match plan(&client, id, &undo).await? {
        Ok(plan) => plan,
        Err(error) => return refused(error, true, context),
    };
    if arguments.dry_run {
        show_plan(&plan, context)?;
        return Ok(Exit::Done);
    }
    let targets = plan.steps.iter().flat_map(|step| &step.targets);
    let asked = CommandEffect {
        what: "undoing it on".into(),
        targets: targets.map(|one| &one.target).collect(),
        many: plan.many,
        // The original action was confirmed, but that does not make undoing it harmless.
        is_risky: true,
        is_meant: undo.plan.is_some() || undo.expect.is_some(),
    };
    if !asked.targets.is_empty() {
        left_out(&plan.left_out);
        match consent(&asked, arguments.yes)? {
            Consent::Refused => bail!(Usage("nothing was done".into())),
            Consent::Given if undo.plan.is_none() => undo.plan = Some(plan.token),
            Consent::Given | Consent::NotNeeded => {}
        }
    }
    let undone = match client.undo(id, &undo).await {
        Ok(UndoAnswer::Undone(undone)) => undone,
        Ok(UndoAnswer::Plan(_)) => bail!("the server only planned what it was asked to do"),
        Err(error) => return refused(error, false, context),
    };
    follow(&client, undone, arguments.timeout, context).await
}

/// Handles a refusal, or an answer after which nobody knows whether it began.
fn refused(error: client::Error, was_only_asked: bool, context: &Context<'_>) -> Result<Exit> {
    let exit = match error.code() {
        // The operation was examined, and there is nothing to undo.
        Some("nothing-to-undo") => Exit::Failed,
        _ => Exit::of_control(&error, was_only_asked),
    };
    tell_lines(&context.output.failure(&error.into()));
    Ok(exit)
}

async fn plan(
    client: &Client,
    id: OperationId,
    undo: &Undo,
) -> Result<Result<UndoPlan, client::Error>> {
    let dry = Undo {
        dry_run: true,
        ..undo.clone()
    };
    match client.undo(id, &dry).await {
        Err(error) => Ok(Err(error)),
        Ok(UndoAnswer::Plan(plan)) => Ok(Ok(plan)),
        Ok(UndoAnswer::Undone(_)) => bail!("the server did not keep to --dry-run"),
    }
}

/// One line of a plan.
struct Planned<'a> {
    action: &'a str,
    parameters: String,
    target: &'a str,
    today: Cell,
}

impl Row for Planned<'_> {
    const HEADERS: &'static [&'static str] = &["TARGET", "TODAY", "ACTION", "PARAMETERS"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            self.target.into(),
            self.today.clone(),
            self.action.into(),
            self.parameters.clone().into(),
        ]
    }
}

fn show_plan(plan: &UndoPlan, context: &Context<'_>) -> Result<()> {
    context.output.one(plan, || {
        let mut table = Table::new(Planned::HEADERS);
        for step in &plan.steps {
            let parameters = words::json(&step.parameters.clone().into());
            for one in &step.targets {
                let row = Planned {
                    action: step.action.as_str(),
                    parameters: parameters.clone(),
                    target: one.target.as_str(),
                    today: words::today(one),
                };
                table.add(row.cells());
            }
        }
        table.render(context.output.colours())
    })?;
    left_out(&plan.left_out);
    if let [first, ..] = plan.undone_by.as_slice() {
        tell!("it was undone before: `utakata operation show {first}`");
    }
    if plan.needs_approval {
        tell!("it needs approval by somebody else before it begins");
    }
    if plan.steps.is_empty() {
        tell!("dry run: nothing in it can be undone");
    } else {
        tell!(
            "dry run: nothing was done; --plan {} does exactly this",
            plan.token
        );
    }
    Ok(())
}

fn left_out(left_out: &[LeftOut]) {
    for LeftOut { target, why } in left_out {
        tell!("{target} is left out: {why}");
    }
}

async fn follow(
    client: &Client,
    undone: Undone,
    timeout: Duration,
    context: &Context<'_>,
) -> Result<Exit> {
    let mut exit = Exit::Done;
    control::announce(&undone.operations.iter().collect::<Vec<_>>());
    let mut views: Vec<OperationView> = Vec::with_capacity(undone.operations.len());
    for view in undone.operations {
        let view = control::follow(client, view, timeout).await?;
        exit = exit.max(Exit::of_tasks(&view.counts));
        if context.output.format == Format::Table {
            control::result(&view, context)?;
        }
        views.push(view);
    }
    if context.output.format != Format::Table {
        context.output.one(&views, String::new)?;
    }
    Ok(exit)
}
