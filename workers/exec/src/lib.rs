//! A worker made of any executable: a task is a line of JSON on its standard input, and the answer
//! one on its standard output.
//!
//! The program is believed only in what it states explicitly. In any other case (it crashes, writes
//! nothing, something else or too much, or exceeds its time), an observing task has failed, and the
//! outcome of a controlling one is `unknown`.

mod child;
mod each;
mod lasting;
mod line;
mod settings;
mod trouble;

use std::{collections::BTreeMap, error::Error, fs, time::Duration};

use tokio::time::Instant;
use utakata_worker_sdk::{Answer, Context, Failure, Release, Task, Worker};

use lasting::Lasting;
use line::Request;
use settings::{Command, Settings, Style};

/// Kept back from the attempt's time, so that the answer is sent before it is over.
const MARGIN: Duration = Duration::from_millis(200);

/// A worker made of any executable.
#[derive(Debug)]
pub struct Exec {
    command: Command,
    at_once: u32,
    /// The process shared by all tasks; `None` if each has its own.
    lasting: Option<Lasting>,
}

impl Worker for Exec {
    fn build(release: &Release) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let settings = Settings::read(&release.manifest.settings)?;
        let command = Command::find(&settings, &release.folder)?;
        let lasting = match settings.process {
            Style::Task => None,
            Style::Worker => Some(Lasting::new(command.clone())),
        };
        Ok(Self {
            command,
            at_once: settings.at_once.get(),
            lasting,
        })
    }

    async fn run(&self, task: Task, context: Context) -> Result<Answer, Failure> {
        let deadline = context.deadline();
        let kept_back = (deadline.saturating_duration_since(Instant::now()) / 10).min(MARGIN);
        let until = deadline.checked_sub(kept_back).unwrap_or(deadline);
        let line = Request::new(&task, until, uptime()).line();
        let answered = match &self.lasting {
            Some(lasting) => lasting.ask(&task, &context, line, until).await,
            None => each::ask(&self.command, &task, line, until).await,
        };
        match answered {
            Ok(reply) => reply.into_end(),
            Err(trouble) => Err(trouble.failure(task.class)),
        }
    }

    fn capacity(&self) -> u32 {
        self.at_once
    }
}

/// Returns seconds since this machine started, including its sleep: a clock that every program can
/// read and nobody sets.
fn uptime() -> Option<f64> {
    let text = fs::read_to_string("/proc/uptime").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

/// Returns the secrets of a task by name, for its line only.
fn revealed(task: &Task) -> BTreeMap<&str, &str> {
    let secrets = task.credential.iter();
    secrets
        .map(|(name, secret)| (name.as_str(), secret.reveal()))
        .collect()
}
