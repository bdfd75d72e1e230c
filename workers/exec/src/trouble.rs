//! The failures of a program, and their meaning for its task.

use std::{io, process::ExitStatus};

use utakata_worker_sdk::{
    Failure, Reply,
    model::{Class, Cure, Problem},
};

use crate::line::LINE_MAX;

/// The reason why a program gave no credible answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Trouble {
    /// It could not be started.
    #[error("the program cannot be started: {0}")]
    NotStarted(String),
    /// The time was over before the task was sent.
    #[error("its time had run out before the program read it")]
    NotRead,
    /// It exited without an answer.
    #[error("the program ended ({how}) and gave no answer")]
    Ended { how: String },
    /// It reported success, but its exit code contradicts that.
    #[error("the program says \"succeeded\", and ended with {how}")]
    Contradiction { how: String },
    /// It wrote something that is not an answer, or a second answer.
    #[error("the program wrote something other than an answer: {0}")]
    Garbage(String),
    /// A line was too long.
    #[error("the program wrote a line of more than {LINE_MAX} bytes")]
    TooLong,
    /// It had not answered by the end of its time, and was killed.
    #[error("the program gave no answer in time and was killed")]
    Overdue,
    /// It was killed because of another task.
    #[error("the program was killed while it had this task: {0}")]
    Beside(String),
}

impl Trouble {
    pub fn ended(status: io::Result<ExitStatus>) -> Self {
        Self::Ended { how: how(status) }
    }

    /// Returns what it means for a requested change.
    fn reply(&self) -> Reply {
        match self {
            Self::NotStarted(_) | Self::NotRead => Reply::Unsent,
            Self::Ended { .. } | Self::Overdue | Self::Beside(_) => Reply::Silence,
            Self::Contradiction { .. } => Reply::Unclear,
            Self::Garbage(_) | Self::TooLong => Reply::Garbage,
        }
    }

    fn code(&self) -> (&'static str, Cure) {
        match self {
            Self::NotStarted(_) => ("worker-not-started", Cure::Operator),
            Self::NotRead | Self::Overdue => ("deadline", Cure::Retry),
            Self::Ended { .. } | Self::Beside(_) => ("worker-crashed", Cure::Bug),
            Self::Contradiction { .. } | Self::Garbage(_) => ("worker-malformed", Cure::Bug),
            Self::TooLong => ("worker-flood", Cure::Bug),
        }
    }

    /// Returns the resulting failure: an observing task has failed; the outcome of a controlling
    /// one is unknown, unless the program never received it.
    pub fn failure(&self, class: Class) -> Failure {
        let (code, cure) = self.code();
        let problem = Problem::new(code, cure, self.to_string());
        match class {
            Class::Observe => Failure::failed(problem),
            Class::Control => self.reply().proof().failure(problem),
        }
    }
}

/// Describes how a process ended, for people.
pub fn how(status: io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => status.to_string(),
        Err(error) => format!("nobody can tell how: {error}"),
    }
}
