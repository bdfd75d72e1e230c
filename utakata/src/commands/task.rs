//! `utakata task`: one action on one target, once.

use anyhow::Result;
use clap::{Subcommand, ValueEnum};
use utakata_api::{client::TaskQuery, task::TaskView};
use utakata_model::{Class, OperationId, Origin, TargetName, TaskId, TaskState};

use super::{Context, operation::MOST};
use crate::{exit::Exit, output::words};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// List tasks, the newest first
    #[command(after_help = "Examples:
  utakata task list --state failed
  utakata task list --target pdu-a1-a --class control")]
    List(ListArguments),
    /// Show a task and how it ended
    #[command(after_help = "Example: utakata task show 0192f0c1-7b1e-7000-8000-000000000000")]
    Show {
        /// Its id
        id: TaskId,
    },
}

#[derive(Debug, clap::Args)]
pub struct ListArguments {
    /// Only those of this operation
    #[arg(long)]
    operation: Option<OperationId>,
    /// Only those in this state
    #[arg(long, value_enum)]
    state: Option<State>,
    /// Only those of this target
    #[arg(long)]
    target: Option<TargetName>,
    /// Only those that look, or those that change something
    #[arg(long, value_enum)]
    class: Option<ClassWord>,
    /// How many
    #[arg(long, default_value_t = MOST, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum State {
    Planned,
    Queued,
    Succeeded,
    Failed,
    Unknown,
    Expired,
    Cancelled,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ClassWord {
    Observe,
    Control,
}

/// Does it.
pub async fn run(command: Command, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    match command {
        Command::List(arguments) => {
            let limit = arguments.limit;
            let tasks = client.tasks(&arguments.query(), limit).await?;
            context.output.list(&tasks, "there is no such task")?;
        }
        Command::Show { id } => {
            let task = client.task(id).await?;
            context.output.one(&task, || told(&task))?;
        }
    }
    Ok(Exit::Done)
}

impl ListArguments {
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

fn told(task: &TaskView) -> String {
    let origin = match &task.origin {
        Origin::Operation(id) => format!("operation {id}"),
        Origin::Schedule(name) => format!("schedule {name}"),
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
        ("made", task.made.to_string()),
        ("expires", task.expires.to_string()),
    ];
    if let Some(outcome) = &task.outcome {
        let timings = outcome.timings;
        lines.push(("ended", timings.ended.to_string()));
        lines.push(("waited", words::took(timings.waited)));
        lines.push(("ran", words::took(timings.ran)));
        if let Some(by) = &outcome.ran_by {
            let who = format!("{} in {}, {}", by.worker, by.environment, by.release);
            lines.push(("by", who));
        }
        if let Some(problem) = &outcome.problem {
            lines.push(("problem", problem.to_string()));
        }
        if let Some(result) = &outcome.result {
            lines.push(("result", result.get().to_owned()));
        }
    }
    let lines: Vec<String> = lines
        .iter()
        .map(|(word, text)| format!("{word:<12}{text}"))
        .collect();
    lines.join("\n")
}
