//! `utakata task`: one action on one target, once.

use anyhow::Result;
use clap::{Subcommand, ValueEnum};
use utakata_api::{
    client::TaskQuery,
    ledger::{AttemptView, Reason, Settle, Verdict},
    task::TaskView,
};
use utakata_model::{Class, OperationId, Origin, TargetName, TaskState};

use super::{Context, operation::MAX_LISTED};
use crate::{
    exit::Exit,
    identifiers,
    output::{plain, time, words},
};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List tasks, newest first
    #[command(after_help = "Examples:
  utakata task list --state failed
  utakata task list --target pdu-a1-a --class control")]
    List(ListArguments),
    /// Show a task and how it ended
    #[command(after_help = "\
Examples:
  utakata task show last
  utakata task show 0192f0c1-7b1e-7000-8000-000000000000")]
    Show(Which),
    /// Explain what a task waits for, until when, and who can change it
    #[command(after_help = "Example: utakata task explain last")]
    Explain(Which),
    /// Settle a task by stating its outcome, which nobody else can know
    #[command(after_help = "\
Look at the target first. `again` makes another attempt now. `last` is the one task of your last
operation that has to be settled; if there are several, they are listed.

Example: utakata task settle last succeeded --why 'the LED of the outlet is off'")]
    Settle {
        #[command(flatten)]
        which: Which,
        /// The outcome
        #[arg(value_enum)]
        verdict: VerdictWord,
        /// The way in which it was established, for the record
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
    /// Cancel a control task that has not begun
    #[command(after_help = "\
A running attempt ends as usual, and is not repeated.

Example: utakata task cancel last --why 'the wrong outlet'")]
    Cancel {
        #[command(flatten)]
        which: Which,
        /// Reason, for the record
        #[arg(long, value_name = "TEXT")]
        why: Option<String>,
    },
}

#[derive(Debug, clap::Args)]
pub struct Which {
    /// The id, or for a control task: an unambiguous start or end of it, or last: the task of your
    /// last operation
    id: String,
}

/// The outcome that a person has established.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum VerdictWord {
    /// The target did it
    Succeeded,
    /// The target did not do it, and must not be sent the command again
    Failed,
    /// Make another attempt
    Again,
}

#[derive(Debug, clap::Args)]
pub struct ListArguments {
    /// Only tasks of this operation
    #[arg(long)]
    operation: Option<OperationId>,
    /// Only tasks in this state
    #[arg(long, value_enum)]
    state: Option<State>,
    /// Only tasks of this target
    #[arg(long)]
    target: Option<TargetName>,
    /// Only tasks that read (observe), or those that change something (control)
    #[arg(long, value_enum)]
    class: Option<ClassWord>,
    /// Number of tasks
    #[arg(long, default_value_t = MAX_LISTED, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum State {
    Planned,
    Queued,
    Permitted,
    Verifying,
    Unknown,
    Unsettled,
    Succeeded,
    Failed,
    Expired,
    Cancelled,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ClassWord {
    Observe,
    Control,
}

impl Command {
    /// Returns true if the command changes something.
    pub fn changes(&self) -> bool {
        !matches!(self, Self::List(_) | Self::Show(_) | Self::Explain(_))
    }
}

pub async fn run(command: Command, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    match command {
        Command::List(arguments) => {
            let (limit, is_any) = (arguments.limit, arguments.is_any());
            let tasks = client.tasks(&arguments.query(), limit).await?;
            let empty = match is_any {
                true => {
                    "there is no task yet: see `utakata control --help` and `utakata read --help`"
                }
                false => "no task matches",
            };
            context.output.list(&tasks, empty)?;
        }
        Command::Show(which) => {
            let id = identifiers::task(&client, &which.id, context.purpose).await?;
            show(&client.task(id).await?, context)?;
        }
        Command::Explain(which) => {
            let id = identifiers::task(&client, &which.id, context.purpose).await?;
            let explanation = client.explain_task(id).await?;
            context
                .output
                .one(&explanation, || words::explanation(&explanation))?;
        }
        Command::Settle {
            which,
            verdict,
            why,
        } => {
            let id = identifiers::to_settle(&client, &which.id).await?;
            let verdict = verdict.into();
            let task = client.settle(id, &Settle { verdict, why }).await?;
            show(&task, context)?;
        }
        Command::Cancel { which, why } => {
            let id = identifiers::task(&client, &which.id, context.purpose).await?;
            let task = client.cancel_task(id, &Reason { why }).await?;
            show(&task, context)?;
            if !task.state.is_final() {
                tell!("it has begun, and ends as it ends; it is not tried again");
            }
        }
    }
    Ok(Exit::Done)
}

fn show(task: &TaskView, context: &Context<'_>) -> Result<()> {
    context.output.one(task, || description(task))
}

impl From<VerdictWord> for Verdict {
    fn from(word: VerdictWord) -> Self {
        match word {
            VerdictWord::Succeeded => Self::Succeeded,
            VerdictWord::Failed => Self::Failed,
            VerdictWord::Again => Self::Again,
        }
    }
}

impl ListArguments {
    /// Returns true if all tasks match.
    fn is_any(&self) -> bool {
        self.operation.is_none()
            && self.state.is_none()
            && self.target.is_none()
            && self.class.is_none()
    }

    fn query(self) -> TaskQuery {
        TaskQuery {
            operation: self.operation,
            state: self.state.map(TaskState::from),
            target: self.target,
            class: self.class.map(Class::from),
        }
    }
}

impl From<State> for TaskState {
    fn from(state: State) -> Self {
        match state {
            State::Planned => Self::Planned,
            State::Queued => Self::Queued,
            State::Permitted => Self::Permitted,
            State::Verifying => Self::Verifying,
            State::Unsettled => Self::Unsettled,
            State::Succeeded => Self::Succeeded,
            State::Failed => Self::Failed,
            State::Unknown => Self::Unknown,
            State::Expired => Self::Expired,
            State::Cancelled => Self::Cancelled,
        }
    }
}

impl From<ClassWord> for Class {
    fn from(class: ClassWord) -> Self {
        match class {
            ClassWord::Observe => Self::Observe,
            ClassWord::Control => Self::Control,
        }
    }
}

/// Describes one attempt.
fn attempt(one: &AttemptView) -> String {
    let told = one.status.map(|status| TaskState::from(status).as_str());
    format!(
        "{} permitted to {} at {}, {}",
        one.attempt,
        one.environment,
        time::clock(one.permitted),
        told.unwrap_or("not answered")
    )
}

fn description(task: &TaskView) -> String {
    let origin = match &task.origin {
        Origin::Operation(id) => format!("operation {id}"),
        Origin::Schedule(name) => format!("schedule {name}"),
        Origin::Task(id) => format!("read back for the task {id}"),
    };
    let mut lines = vec![
        ("task", format!("{} attempt {}", task.id, task.attempt)),
        ("because of", origin),
        ("target", format!("{} ({})", task.target, task.kind)),
        (
            "action",
            format!("{} ({})", task.action, task.class.as_str()),
        ),
        ("parameters", words::json(&task.parameters)),
        ("state", task.state.as_str().into()),
        ("made", time::moment(task.made)),
        ("expires", time::moment(task.expires)),
    ];
    if let Some(prior) = &task.prior {
        lines.push(("before", words::value(None, prior, "")));
    }
    lines.extend(task.attempts.iter().map(|one| ("attempt", attempt(one))));
    if let Some(outcome) = &task.outcome {
        let timings = outcome.timings;
        lines.push(("ended", time::moment(timings.ended)));
        lines.push(("waited", words::took(timings.waited)));
        lines.push(("ran", words::took(timings.ran)));
        if let Some(by) = &outcome.ran_by {
            let who = format!("{} in {}, {}", by.worker, by.environment, by.release);
            lines.push(("by", who));
        }
        if let Some(problem) = &outcome.problem {
            lines.push(("problem", words::sentence(&problem.to_string())));
        }
        if let Some(result) = &outcome.result {
            lines.push(("result", result.get().to_owned()));
        }
    }
    let lines: Vec<String> = lines
        .iter()
        .map(|(word, text)| format!("{word:<12}{}", plain::line(text)))
        .collect();
    lines.join("\n")
}
