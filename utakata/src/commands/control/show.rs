//! The plan of an operation, and its outcomes.

use anyhow::Result;
use utakata_api::{
    operation::{OperationView, Plan},
    task::TaskView,
};
use utakata_model::{OperationState, TaskState};

use super::Context;
use crate::{
    exit,
    output::{Cell, Format, Row, Table, rows},
};

/// The columns of tasks shown to the requester; the others are the same in all rows.
const SHOWN: [&str; 5] = ["TARGET", "STATE", "TOOK", "RESULT", "PROBLEM"];
/// The largest number of tasks that are listed for a person to settle.
const NAMED: usize = 3;
/// The largest number of targets that are listed because they would be without power.
const NAMED_WITHOUT_POWER: usize = 10;

pub fn plan(plan: &Plan, context: &Context<'_>) -> Result<()> {
    let output = context.output;
    output.one(plan, || {
        output.table_of(&plan.targets).render(output.colours())
    })?;
    unpowered(plan);
    if plan.needs_approval {
        tell!("it needs approval by somebody else before it begins");
    }
    tell!(
        "dry run: nothing was done; --plan {} does exactly this",
        plan.token
    );
    Ok(())
}

/// Tells which targets would be without power.
pub fn unpowered(plan: &Plan) {
    for one in plan.unpowered.iter().take(NAMED_WITHOUT_POWER) {
        let feeds: Vec<&str> = one.feeds.iter().map(|feed| feed.as_str()).collect();
        let source = if one.by_labels { "; by labels" } else { "" };
        tell!(
            "{} would lose every feed ({}{source})",
            one.target,
            feeds.join(", ")
        );
    }
    let more = plan.unpowered.len().saturating_sub(NAMED_WITHOUT_POWER);
    if more > 0 {
        tell!("and {more} others would lose every feed, too");
    }
}

/// Shows the outcomes of an operation.
pub fn result(view: &OperationView, context: &Context<'_>) -> Result<()> {
    let id = view.operation.id;
    match context.output.format {
        Format::Table => {
            let mut table = Table::new(&SHOWN);
            view.tasks.iter().for_each(|task| table.add(cells(task)));
            let text = table.render(context.output.colours());
            context.output.text(&text)?;
            let action = view.operation.action.as_ref().map(ToString::to_string);
            let action = action.unwrap_or_default();
            let counts = rows::counts(&view.counts).text;
            tell!("{action}: {counts}; more: `utakata operation show {id}`");
        }
        Format::Json | Format::Yaml | Format::Csv => context.output.one(view, String::new)?,
    }
    hints(view).iter().for_each(|line| tell!("{line}"));
    Ok(())
}

fn hints(view: &OperationView) -> Vec<String> {
    let id = view.operation.id;
    let mut lines = Vec::new();
    match view.state {
        Some(OperationState::Awaiting) => lines.push(format!(
            "somebody else has to approve it: `utakata operation approve {id}`"
        )),
        Some(OperationState::Paused | OperationState::Stopped) => lines.push(format!(
            "`utakata operation resume {id}` continues it, `cancel` ends it"
        )),
        _ if exit::is_under_way(&view.counts) => lines.push(format!(
            "it has not ended: `utakata operation explain {id}` says what it waits for"
        )),
        _ => {}
    }
    let unsettled = |task: &&TaskView| task.state == TaskState::Unsettled;
    let unsettled: Vec<&TaskView> = view.tasks.iter().filter(unsettled).collect();
    if !unsettled.is_empty() {
        lines.push(
            "unsettled means that nobody can know whether it took effect: look at the target, \
             then state what you found:"
                .into(),
        );
    }
    for task in unsettled.iter().take(NAMED) {
        lines.push(format!(
            "  utakata task settle {} succeeded|failed|again --why TEXT     ({})",
            task.id, task.target
        ));
    }
    if unsettled.len() > NAMED {
        let operation = view.operation.id;
        lines.push(format!(
            "  all: utakata task list --operation {operation} --state unsettled"
        ));
    }
    lines
}

fn cells(task: &TaskView) -> Vec<Cell> {
    let columns = TaskView::HEADERS.iter().zip(task.cells());
    let shown = columns.filter(|(header, _)| SHOWN.contains(header));
    shown.map(|(_, cell)| cell).collect()
}
