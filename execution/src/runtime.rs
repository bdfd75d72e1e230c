//! Where workers run.

#[cfg(feature = "test-support")]
pub mod conformance;
pub mod log;
mod memory;
mod placed;
pub mod process;
#[cfg(feature = "test-support")]
pub mod scripted;

pub use placed::Placed;

use std::{ffi::OsString, fmt, os::fd::OwnedFd, path::PathBuf, sync::Arc};

use async_trait::async_trait;
use rustix::io::Errno;
use utakata_model::{
    Cure, EnvironmentId, Incarnation, Problem, ReleaseId, WorkerId, manifest::Run,
};
use utakata_protocol::{ENDPOINT_VARIABLE, RELEASE_VARIABLE, TOKEN_VARIABLE};

use crate::{Artifact, Release};

/// A place where workers run. Every one must pass the suite `conformance`.
#[async_trait]
pub trait Runtime: Send + Sync + 'static {
    /// Gets what the workers of a release need before they can be started, such as its image.
    /// May take long. Errors: it cannot be had, or is not what the release says.
    async fn prepare(&self, _release: &Release) -> Result<(), Error> {
        Ok(())
    }

    /// Starts a worker; returns as soon as it is started, before it says hello. To stop one
    /// politely it is drained over the worker protocol, and ends by itself.
    async fn start(&self, spec: Spec) -> Result<Box<dyn Running>, Error>;

    /// Takes over a worker that this process started before it was replaced by another program.
    /// Errors: it cannot be, here.
    fn adopt(&self, _worker: WorkerId, _trace: &Trace) -> Result<Box<dyn Running>, Error> {
        Err(Error::Misplaced {
            what: "a worker that keeps running",
        })
    }

    /// Ends what earlier lives of this environment have left behind, now and then, as long as
    /// it is polled. Where workers end by themselves without their environment there is nothing
    /// to do.
    async fn tend(&self, _life: &Life) {
        std::future::pending::<()>().await;
    }

    /// The lives of this environment of which it has workers that are no processes of this
    /// machine; `None` when that cannot be seen now.
    async fn lives_elsewhere(&self, _life: &Life) -> Option<Vec<Incarnation>> {
        None
    }

    /// Ends what this life still has when all its workers are said to have ended: one may have
    /// been on its way. Takes a few seconds at the most.
    async fn finish(&self, _life: &Life) {}
}

/// A worker that was started. When it is dropped, everything of the worker is killed.
#[async_trait]
pub trait Running: Send {
    /// Waits until it has ended, and says how. Cancel safe; says the same again afterwards.
    async fn ended(&mut self) -> Exit;

    /// Ends it and everything that it started, now. Nothing to do when it has ended.
    fn kill(&mut self);

    /// By what another program in this process finds it again; `None` where it cannot.
    fn trace(&self) -> Option<Trace> {
        None
    }

    /// Returns its present memory in bytes, where that is known. Cancel safe.
    async fn memory(&mut self) -> Option<u64> {
        None
    }

    /// The last line that it printed to its standard error, once it has ended, where that is
    /// known.
    fn last_words(&self) -> Option<String> {
        None
    }
}

/// By what a worker is found again when this process goes on as another program: it remains a
/// child of it.
#[derive(Debug)]
pub struct Trace {
    /// The number of the process, which leads a group of its own.
    pub process: i32,
    /// The ends at which its standard output and its standard error are read.
    pub pipes: [Option<OwnedFd>; 2],
}

/// One life of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Life {
    pub environment: EnvironmentId,
    /// Its life; a later one is greater.
    pub incarnation: Incarnation,
}

/// A worker to be started.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The name of the worker, for its log.
    pub worker: WorkerId,
    /// The life of the environment that it serves.
    pub life: Life,
    pub release: Arc<ReleaseId>,
    /// The folder of its release.
    pub folder: PathBuf,
    pub artifact: Artifact,
    /// Its arguments, and what it may use.
    pub run: Run,
    /// The socket at which its manager listens. Its folder has nothing else in it.
    pub socket: PathBuf,
    /// The one-time token of its hello.
    pub token: String,
    /// The environment variables that it sees besides those of the protocol.
    pub variables: Vec<(OsString, OsString)>,
}

impl Spec {
    /// All environment variables of a worker that sees the socket and the folder of its release
    /// at these places.
    pub fn all_variables(
        &self,
        socket: &std::path::Path,
        folder: &std::path::Path,
    ) -> impl Iterator<Item = (OsString, OsString)> + use<> {
        let mut endpoint = OsString::from("unix:");
        endpoint.push(socket);
        let own = [
            (ENDPOINT_VARIABLE, endpoint),
            (TOKEN_VARIABLE, self.token.clone().into()),
            (RELEASE_VARIABLE, folder.into()),
        ];
        let own = own.into_iter().map(|(name, value)| (name.into(), value));
        self.variables.clone().into_iter().chain(own)
    }
}

/// The end of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By a signal.
    Signal(i32),
    /// Nobody can tell.
    Unknown,
}

/// The reason for which a worker cannot be started, or a release not be made ready.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program cannot be executed.
    #[error("cannot start {}", program.display())]
    Start {
        program: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// A worker that was there is not any more.
    #[error("the process {process} cannot be taken over")]
    Adopt {
        process: i32,
        #[source]
        source: std::io::Error,
    },
    /// Something that other runtimes run.
    #[error("{what} cannot run here")]
    Misplaced { what: &'static str },
    /// A failure of the engine that runs the workers.
    #[error("{}", problem.message)]
    Engine {
        problem: Problem,
        is_of_environment: bool,
    },
}

impl Error {
    /// Returns whether this environment is the reason, so that no release would have fared better.
    pub fn is_of_environment(&self) -> bool {
        match self {
            Self::Start { source, .. } => shortage(source).is_some(),
            Self::Engine {
                is_of_environment, ..
            } => *is_of_environment,
            Self::Adopt { .. } | Self::Misplaced { .. } => false,
        }
    }

    pub fn problem(&self) -> Problem {
        let text = utakata_model::chain(self);
        match self {
            Self::Start { source, .. } if let Some(what) = shortage(source) => {
                let message = format!(
                    "{text}: this environment has no room for another worker, whatever its \
                     release: {what}, or set execution.max_workers"
                );
                Problem::new("environment-short", Cure::Operator, message)
            }
            Self::Start { .. } => {
                let message = format!("{text}: is it a program for this machine?");
                Problem::new("worker-not-started", Cure::Operator, message)
            }
            Self::Misplaced { .. } | Self::Adopt { .. } => {
                Problem::new("worker-not-started", Cure::Bug, text)
            }
            Self::Engine { problem, .. } => problem.clone(),
        }
    }
}

/// Returns what to raise, where the system is short of something.
fn shortage(error: &std::io::Error) -> Option<&'static str> {
    match Errno::from_io_error(error)? {
        Errno::MFILE | Errno::NFILE => Some("raise the limit of open files (LimitNOFILE)"),
        Errno::AGAIN => Some("raise the limit of processes (LimitNPROC, TasksMax)"),
        Errno::NOMEM => Some("give it more memory"),
        _ => None,
    }
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
