//! Runtimes: the places in which workers run.

#[cfg(feature = "test-support")]
pub mod conformance;
pub mod door;
pub mod log;
mod memory;
mod placed;
pub mod process;
#[cfg(feature = "test-support")]
pub mod scripted;

pub use placed::Placed;

use std::{
    collections::BTreeMap, ffi::OsString, fmt, net::SocketAddr, os::fd::OwnedFd, path::PathBuf,
    sync::Arc, time::Duration,
};

use async_trait::async_trait;
use rustix::io::Errno;
use utakata_model::{
    Cure, EnvironmentId, Incarnation, Kind, Problem, ReleaseId, TargetNetworks, WorkerId,
    manifest::Run,
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

    /// Returns whether a release is served only after a worker of it was started on trial, and
    /// has said hello.
    fn is_tried_first(&self, _artifact: &Artifact) -> bool {
        false
    }

    /// Returns the address at which the manager has to listen besides its socket, for workers on
    /// other machines.
    ///
    /// # Errors
    /// Nobody knows the address by which they find it.
    fn listen(&self) -> Result<Option<Listen>, Error> {
        Ok(None)
    }

    /// Returns true if the manager has to listen on the loopback interface besides its socket, for
    /// workers that may not connect to one.
    fn wants_loopback(&self) -> bool {
        false
    }

    /// Finds the one-time token of a worker that was given none, by what it shows in its place.
    /// `None`: it is no worker of this life. Errors: it might be one, and why it is not let in.
    async fn identify(&self, _proof: &str) -> Result<Option<String>, Problem> {
        Ok(None)
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

    /// Returns whether the workers of each kind reach nothing but its targets: then `confine` is
    /// told where these are.
    fn is_confining(&self) -> bool {
        false
    }

    /// Limits what the workers of each kind reach to the networks of its targets, and to the door
    /// of their manager. Called whenever these change, and now and then.
    async fn confine(
        &self,
        _life: &Life,
        _door: Option<&Door>,
        _targets: &BTreeMap<Kind, TargetNetworks>,
    ) -> Result<(), Error> {
        Ok(())
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

    /// Waits for what happens to it next. Cancel safe; says its end again afterwards.
    async fn changed(&mut self) -> Change {
        Change::Ended(self.ended().await)
    }

    /// The reason for which it was never begun, once it has ended, where the place could not do
    /// what `start` had promised.
    fn fault(&self) -> Option<Error> {
        None
    }

    /// Returns whether the end of it says whose fault it was: until then nobody is blamed.
    fn is_explained(&self) -> bool {
        false
    }

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

/// A change of a worker that was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Its place takes it away: it has this long to end what it has.
    MustGo(Duration),
    /// Nobody can say any more whether it goes on. Its end may be told later.
    OutOfReach,
    /// It has ended.
    Ended(Exit),
}

/// The address at which the manager listens for workers on other machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// The address of this machine; port 0: any that is free.
    pub at: SocketAddr,
    /// The name or the address of this machine, as workers see it.
    pub host: String,
}

/// The entrance by which a worker on another machine finds its manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    /// `https://host:port`.
    pub endpoint: String,
    /// The certificate, as PEM, of the authority that vouches for the manager there.
    pub authority: String,
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
    /// The address at which its manager listens on the loopback interface, if the runtime asked for
    /// that.
    pub loopback: Option<SocketAddr>,
    /// The entrance to its manager from another machine, if the runtime asked for one.
    pub door: Option<Arc<Door>>,
    /// It is there to say hello, and nothing else.
    pub is_trial: bool,
    /// The longest time that one of its tasks of control may take.
    pub control_within: Duration,
    /// The one-time token of its hello.
    pub token: String,
    /// The environment variables that it sees besides those of the protocol.
    pub variables: Vec<(OsString, OsString)>,
}

impl Spec {
    /// Returns those of these variables that this process has.
    pub fn passed(names: &[String]) -> Vec<(OsString, OsString)> {
        let passed = names.iter();
        let passed = passed.filter_map(|name| Some((name.into(), std::env::var_os(name)?)));
        passed.collect()
    }

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
    /// It wanted more memory than it may have.
    OutOfMemory,
    /// Its place took it away, for reasons of its own.
    Evicted,
    /// It has ended, and nobody can tell how.
    Unknown,
    /// Nobody will ever tell whether it has ended.
    Unseen,
}

impl Exit {
    /// Returns whether it was seen to end.
    pub fn is_proven(self) -> bool {
        self != Self::Unseen
    }

    /// Returns whether its place is the reason: no worker would have fared better.
    pub fn is_of_place(self) -> bool {
        matches!(self, Self::Evicted | Self::Unseen)
    }
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
            Self::OutOfMemory => f.write_str("used more memory than it may have (run.memory)"),
            Self::Evicted => f.write_str("was taken away by the cluster"),
            Self::Unknown => f.write_str("ended"),
            Self::Unseen => f.write_str("is out of reach, and nobody has seen its end"),
        }
    }
}
