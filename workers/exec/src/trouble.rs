//! The failures of a program, and their meaning for its task.

use std::{io, process::ExitStatus};

use utakata_worker_sdk::{
    Failure, Reply,
    model::{Class, Cure, Problem},
};

use crate::line::LINE_MAX;

/// The reason there is no answer of a program that can be believed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Trouble {
    /// It cannot be started.
    #[error("the program cannot be started: {0}")]
    NotStarted(String),
    /// Its time was over before the program was told of it.
    #[error("its time was over before the program had read of it")]
    NotTold,
    /// It ended without an answer.
    #[error("the program ended ({how}) and gave no answer")]
    Ended { how: String },
    /// It says that all is well, and its exit code says something else.
    #[error("the program says \"succeeded\", and ended with {how}")]
    Contradiction { how: String },
    /// It wrote something that is no answer, or a second one.
    #[error("the program wrote something else than an answer: {0}")]
    Garbage(String),
    /// A line had no end.
    #[error("the program wrote a line of more than {LINE_MAX} bytes")]
    TooLong,
    /// It had no answer at the end of its time, and was killed.
    #[error("the program gave no answer in time and was killed")]
    Overdue,
    /// It was killed because of what happened to another task that it had.
    #[error("the program was killed while it had this task: {0}")]
    Beside(String),
}

impl Trouble {
    pub fn ended(status: io::Result<ExitStatus>) -> Self {
        Self::Ended { how: how(status) }
    }

    /// Returns what it is to whoever asked for a change.
    fn reply(&self) -> Reply {
        match self {
            Self::NotStarted(_) | Self::NotTold => Reply::Unsent,
            Self::Ended { .. } | Self::Overdue | Self::Beside(_) => Reply::Silence,
            Self::Contradiction { .. } => Reply::Unclear,
            Self::Garbage(_) | Self::TooLong => Reply::Garbage,
        }
    }

    fn code(&self) -> (&'static str, Cure) {
        match self {
            Self::NotStarted(_) => ("worker-not-started", Cure::Operator),
            Self::NotTold | Self::Overdue => ("deadline", Cure::Retry),
            Self::Ended { .. } | Self::Beside(_) => ("worker-crashed", Cure::Bug),
            Self::Contradiction { .. } | Self::Garbage(_) => ("worker-malformed", Cure::Bug),
            Self::TooLong => ("worker-flood", Cure::Bug),
        }
    }

    /// Returns how a task ends by it: what only looks has failed; of what changes something nobody
    /// knows, unless the program never had it.
    pub fn failure(&self, class: Class) -> Failure {
        let (code, cure) = self.code();
        let problem = Problem::new(code, cure, self.to_string());
        match class {
            Class::Observe => Failure::failed(problem),
            Class::Control => self.reply().proof().failure(problem),
        }
    }
}

/// Returns how a process ended, for people.
pub fn how(status: io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => status.to_string(),
        Err(error) => format!("nobody can tell how: {error}"),
    }
}
