//! `utakata control`: controls targets.

mod confirm;
mod follow;
mod help;
mod show;

use std::{num::NonZeroU32, time::Duration};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use utakata_api::{
    Client, client,
    operation::{Control, ControlAnswer, OperationView, Plan},
};
use utakata_model::{ActionName, AtATime, AtMost, Pace, Priority, duration, operation::label_key};

pub use self::{
    confirm::{CommandEffect, Consent, consent},
    follow::{announce, follow},
    show::{plan as show_plan, result},
};
use super::Context;
use crate::{
    exit::{self, Exit},
    interrupt,
    output::tell_lines,
    parameters, select,
};

/// The time after which the wait for an operation is explained.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, Args)]
#[command(
    after_help = AFTER,
    disable_help_flag = true,
    override_usage = "utakata control [OPTIONS] <SELECTOR> <ACTION>\n       utakata control --help [KIND [ACTION]]"
)]
pub struct Arguments {
    /// Targets: a selector (kind=apc-pdu,rack=A1), or a name
    #[arg(required_unless_present = "help")]
    selector: Option<String>,
    /// Control action: see `utakata get kinds`
    #[arg(required_unless_present = "help")]
    action: Option<ActionName>,
    /// Print help: of the command, of a kind, or of an action of a kind
    #[arg(short, long)]
    help: bool,
    /// Parameter of the action; may be repeated. One that is secret comes from standard input
    /// (password=-) or from a file (password=@FILE)
    #[arg(short = 'p', long = "parameter", value_name = "KEY=VALUE", value_parser = parameters::pair)]
    parameters: Vec<(String, String)>,
    /// Check everything and show the plan, but do nothing
    #[arg(long)]
    dry_run: bool,
    /// Reason, for the record
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    /// Override the envelopes that bind people; the audit trail keeps the reason
    #[arg(long, requires = "why")]
    break_glass: bool,
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
    /// Time to wait for the outcomes
    #[arg(long, default_value = "60s", value_parser = duration::parse)]
    timeout: Duration,
    #[command(flatten)]
    guard: Guard,
    #[command(flatten)]
    pace: PaceArguments,
}

/// The guards against slips.
#[derive(Debug, Args)]
#[command(next_help_heading = "Guards")]
struct Guard {
    /// Token of a plan shown by --dry-run: do exactly that, or nothing
    #[arg(long, value_name = "TOKEN")]
    plan: Option<String>,
    /// Expected number of targets: do nothing if another number is selected
    #[arg(long, value_name = "COUNT")]
    expect: Option<u64>,
    /// Idempotency key: a request repeated under the same key takes effect once
    #[arg(long, value_name = "TEXT")]
    key: Option<String>,
}

/// The pace and the priority.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pace")]
pub struct PaceArguments {
    /// Number of targets at a time: 10, or 25%
    #[arg(long, value_name = "COUNT")]
    at_a_time: Option<AtATime>,
    /// Limit of targets at a time with the same label: 1/rack; may be repeated
    #[arg(long, value_name = "COUNT/LABEL")]
    at_most: Vec<AtMost>,
    /// Label that determines the order of the targets
    #[arg(long, value_name = "LABEL", value_parser = label)]
    order_by: Option<String>,
    /// Number of failures after which no further target begins
    #[arg(long, value_name = "COUNT")]
    stop_after: Option<NonZeroU32>,
    /// Priority among tasks for the same target
    #[arg(long, value_enum, default_value = "routine")]
    priority: PriorityWord,
    /// Time within which a task must begin once its turn has come, whatever it waits for [default:
    /// as configured]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    within: Option<Duration>,
}

/// A priority, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PriorityWord {
    Routine,
    Urgent,
    Emergency,
}

const AFTER: &str = "\
On a terminal, it asks for confirmation before it acts on more than one target, or does anything of
high risk; --yes answers that. Without a terminal, actions of high risk need --yes. For very many
targets (logic.control.many), --yes is not enough: type their number, or give --expect or --plan.

The operation continues without you: Ctrl-C ends only the waiting, and prints the operation's id.

Examples:
  utakata control --help apc-pdu outlet-off
  utakata control pdu-a1-a outlet-off -p outlet=3 --dry-run
  utakata control pdu-a1-a outlet-off -p outlet=3 --why 'server 12 is being moved'
  utakata control 'kind=apc-pdu,rack=A1' outlet-on -p outlet=3 --yes
  utakata control kind=apc-pdu outlet-cycle -p outlet=3 --at-most 1/rack --stop-after 2

Exit codes: 0 done; 1 failed (for at least one target, or the server cannot do anything now);
2 nothing was done: wrong usage, or refused; 3 unknown (for at least one target, nobody can know
whether it took effect, or it has not ended)";

pub async fn run(arguments: Arguments, context: &Context<'_>) -> Result<Exit> {
    let asked = (&arguments.selector, &arguments.action);
    let (Some(selector), Some(action), false) = (asked.0, asked.1, arguments.help) else {
        let of = arguments.selector.as_deref();
        help::print(of, arguments.action.as_ref(), context).await?;
        return Ok(Exit::Done);
    };
    let client = context.client()?;
    let mut request = request(&client, selector, action, &arguments).await?;
    let plan = match plan(&client, &request).await? {
        Ok(plan) => plan,
        Err(error) => {
            let exit = Exit::of_control(&error, true);
            let error = select::explain(&client, &request.selector, error).await;
            tell_lines(&context.output.failure(&error));
            return Ok(exit);
        }
    };
    if arguments.dry_run {
        show_plan(&plan, context)?;
        return Ok(Exit::Done);
    }
    show::unpowered(&plan);
    let asked = CommandEffect {
        what: format!("{} on", request.action),
        targets: plan.targets.iter().map(|task| &task.target).collect(),
        many: plan.many,
        is_risky: confirm::is_risky(&client, &request.action, &plan).await?,
        is_meant: request.plan.is_some() || request.expect.is_some(),
    };
    match consent(&asked, arguments.yes)? {
        Consent::Refused => bail!(exit::Usage("nothing was done".into())),
        // Exactly the plan that was shown is carried out.
        Consent::Given if request.plan.is_none() => request.plan = Some(plan.token),
        Consent::Given | Consent::NotNeeded => {}
    }
    let view = match begin(&client, &request).await {
        Ok(answer) => operation_of(answer)?,
        Err(error) => {
            let exit = Exit::of_control(&error, false);
            tell_lines(&context.output.failure(&error.into()));
            if exit == Exit::Unknown {
                tell!("it is not known whether it was begun: see `utakata operation show last`");
            }
            return Ok(exit);
        }
    };
    if view.is_known {
        tell!(
            "it was requested under this key before, and is not done again: this is the earlier one"
        );
    }
    announce(&[&view]);
    let view = follow(&client, view, arguments.timeout).await?;
    interrupt::over();
    result(&view, context)?;
    Ok(Exit::of_tasks(&view.counts))
}

/// Requests the operation. If it is interrupted here, nobody can know whether the operation began.
async fn begin(client: &Client, request: &Control) -> Result<ControlAnswer, client::Error> {
    interrupt::goes_on(
        "it may have been begun: `utakata operation show last` shows it if it was".into(),
    );
    let answer = client.control(request).await;
    interrupt::over();
    answer
}

fn operation_of(answer: ControlAnswer) -> Result<OperationView> {
    match answer {
        ControlAnswer::Operation(view) => Ok(*view),
        ControlAnswer::Plan(_) => bail!("the server only planned what it was asked to do"),
    }
}

async fn request(
    client: &Client,
    selector: &str,
    action: &ActionName,
    arguments: &Arguments,
) -> Result<Control> {
    let Guard { plan, expect, key } = &arguments.guard;
    let selected = match select::resolve(client, selector).await {
        Ok(selected) => selected,
        Err(error) => return Err(swapped(client, selector, action).await.unwrap_or(error)),
    };
    Ok(Control {
        plan: plan.clone(),
        expect: *expect,
        key: key.clone(),
        pace: arguments.pace.pace(),
        priority: arguments.pace.priority.into(),
        within: arguments.pace.within,
        selector: selected,
        action: action.clone(),
        parameters: parameters::resolve(client, &arguments.parameters, Some(action)).await?,
        dry_run: false,
        why: arguments.why.clone(),
        break_glass: arguments.break_glass,
        // The server answers at once with its id; waiting comes afterwards.
        wait: Duration::ZERO,
    })
}

/// Returns a hint if the action and the target were given in the wrong order.
async fn swapped(client: &Client, selector: &str, action: &ActionName) -> Option<anyhow::Error> {
    let kinds = client.kinds().await.ok()?;
    let mut actions = kinds.iter().flat_map(|view| &view.manifest.actions);
    let is_action = actions.any(|one| one.name.as_str() == selector);
    let message = format!(
        "\"{selector}\" is an action: the target comes first, as in utakata control {action} {selector}"
    );
    is_action.then(|| exit::Usage(message).into())
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
            "the server ignored --dry-run: it began the operation {}",
            view.operation.id
        ),
    }
}

impl PaceArguments {
    pub fn pace(&self) -> Pace {
        Pace {
            at_a_time: self.at_a_time,
            at_most: self.at_most.clone(),
            order_by: self.order_by.clone(),
            stop_after: self.stop_after,
        }
    }
}

impl From<PriorityWord> for Priority {
    fn from(word: PriorityWord) -> Self {
        match word {
            PriorityWord::Routine => Self::Routine,
            PriorityWord::Urgent => Self::Urgent,
            PriorityWord::Emergency => Self::Emergency,
        }
    }
}

fn label(text: &str) -> Result<String, String> {
    let checked = label_key(text).map_err(|error| error.to_string())?;
    Ok(checked.to_owned())
}
