//! Where workers run.

pub mod conformance;
pub mod process;
pub mod scripted;

use std::{ffi::OsString, fmt, path::PathBuf};

use async_trait::async_trait;
use utakata_model::WorkerId;

/// A place where workers run. Every one must pass [`conformance`].
#[async_trait]
pub trait Runtime: Send + Sync + 'static {
    /// Starts a worker; returns as soon as it is started, before it says hello. To stop one
    /// politely it is drained over the worker protocol, and ends by itself.
    async fn start(&self, spec: Spec) -> Result<Box<dyn Running>, Error>;
}

/// A worker that was started. When it is dropped, everything of the worker is killed.
#[async_trait]
pub trait Running: Send {
    /// Waits until it has ended, and says how. Cancel safe; says the same again afterwards.
    async fn ended(&mut self) -> Exit;

    /// Ends it and everything that it started, now. Nothing to do when it has ended.
    fn kill(&mut self);

    /// The last line that it printed to its standard error, once it has ended, where that is
    /// known.
    fn last_words(&self) -> Option<String> {
        None
    }
}

/// What to start.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The name of the worker, for its log.
    pub worker: WorkerId,
    /// The folder of its release.
    pub folder: PathBuf,
    /// The program, found.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Everything of the environment variables that it sees.
    pub variables: Vec<(OsString, OsString)>,
}

/// How a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By a signal.
    Signal(i32),
    /// Nobody can tell.
    Unknown,
}

/// Why a worker cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program cannot be executed.
    #[error("cannot start {}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "ended with exit code {code}"),
            Self::Signal(signal) => write!(f, "was killed by signal {signal}"),
            Self::Unknown => f.write_str("ended"),
        }
    }
}
