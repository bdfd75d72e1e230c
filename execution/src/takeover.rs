//! The state that an environment leaves to its successor in the same process: written, and read
//! again.
//!
//! Times are ages at one moment of the monotonic clock, which continues whatever the wall clock
//! does. Credentials are not included: nobody begins an attempt twice.

use std::{os::fd::OwnedFd, path::PathBuf, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use utakata_model::{
    EnvironmentId, Incarnation, Kind, Manifest, Outcome, Parameters, ReleaseId, Task, TaskKey,
    WorkerId, Zone,
};

use crate::{Artifact, Config, Release, endpoint::SocketPlace};

/// The version of the record. Others are not understood.
pub const VERSION: u32 = 1;

/// An environment as left to its successor.
#[derive(Debug)]
pub struct Takeover {
    pub(crate) left: Left,
    /// The socket on which workers connect.
    pub(crate) listener: OwnedFd,
    pub(crate) pipes: Vec<OwnedFd>,
}

/// The reason why nothing can be taken over.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The record is of another version of utakata.
    #[error("it has version {found}, and this utakata understands version {VERSION}")]
    Version { found: u32 },
    /// The text has another form.
    #[error("it cannot be read")]
    Form(#[source] serde_json::Error),
    /// Open files are missing.
    #[error("{found} open files were handed over, and it names {named}")]
    Files { found: usize, named: usize },
    /// The record is of another environment than the settings.
    #[error("it belongs to {left} in zone {zone}, and the settings name another environment")]
    Other { left: EnvironmentId, zone: Zone },
}

#[derive(Debug, Deserialize)]
struct Versioned {
    version: u32,
}

/// The record of a takeover.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Left {
    pub(crate) version: u32,
    pub(crate) environment: EnvironmentId,
    pub(crate) zone: Zone,
    pub(crate) incarnation: Incarnation,
    /// The moment from which times count.
    pub(crate) at: Duration,
    pub(crate) socket: SocketPlace,
    /// The position of the listener on the loopback interface among the open files, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) loopback: Option<usize>,
    /// The next number of a worker.
    pub(crate) next_worker: u64,
    /// The next number of an ask of a kind that was not left.
    #[serde(default)]
    pub(crate) next_ask: u64,
    pub(crate) files: usize,
    pub(crate) kinds: Vec<KindLeft>,
}

/// The state of one kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct KindLeft {
    pub(crate) kind: Kind,
    /// The next number of an ask.
    pub(crate) next_ask: u64,
    /// The outcomes to publish if a permit arrives for an ask that was given up, by ask.
    pub(crate) void: Vec<(u64, Outcome)>,
    /// Attempts that ended without a permit.
    pub(crate) told: Vec<TaskKey>,
    pub(crate) unrecorded: Vec<UnrecordedLeft>,
    pub(crate) pools: Vec<PoolLeft>,
    pub(crate) attempts: Vec<AttemptLeft>,
}

/// An outcome that the logic environment has not recorded.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct UnrecordedLeft {
    pub(crate) outcome: Outcome,
    pub(crate) is_second: bool,
}

/// The workers of one release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PoolLeft {
    pub(crate) id: Arc<ReleaseId>,
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) folder: PathBuf,
    pub(crate) program: PathBuf,
    pub(crate) is_fetched: bool,
    pub(crate) is_stable: bool,
    pub(crate) is_kept: bool,
    /// Present if it was to be served: true if tasks without a pin went to it.
    pub(crate) serves: Option<bool>,
    pub(crate) lost: u64,
    pub(crate) workers: Vec<WorkerLeft>,
}

/// A worker that returns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct WorkerLeft {
    pub(crate) number: u64,
    pub(crate) worker: WorkerId,
    pub(crate) token: String,
    pub(crate) process: i32,
    /// The positions of its pipes among the open files.
    pub(crate) pipes: [Option<usize>; 2],
    pub(crate) capacity: u32,
    pub(crate) is_single: bool,
    pub(crate) begun: u64,
    /// The time since it became ready.
    pub(crate) ready: Duration,
    /// The time until it must end, if it is to end.
    pub(crate) drain: Option<Duration>,
    /// The time that it has to return.
    pub(crate) back: Duration,
}

/// An attempt that a worker has.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AttemptLeft {
    /// The task, without the data that are only needed to begin it.
    pub(crate) task: Task,
    pub(crate) permit: Option<u64>,
    pub(crate) worker: u64,
    pub(crate) waited: Duration,
    pub(crate) ran: Duration,
    pub(crate) is_overdue: bool,
    /// True if it was reported never to have begun.
    #[serde(default)]
    pub(crate) is_void: bool,
}

impl Takeover {
    /// Returns it as bytes, with the open files that belong to them.
    pub fn into_parts(self) -> (serde_json::Result<Vec<u8>>, Vec<OwnedFd>) {
        let files = std::iter::once(self.listener).chain(self.pipes);
        (serde_json::to_vec_pretty(&self.left), files.collect())
    }

    /// Reads it from bytes and open files.
    ///
    /// # Errors
    /// It is of another version, not JSON of the right form, or does not match the files.
    pub fn read(bytes: &[u8], files: Vec<OwnedFd>) -> Result<Self, Error> {
        let Versioned { version } = serde_json::from_slice(bytes).map_err(Error::Form)?;
        if version != VERSION {
            return Err(Error::Version { found: version });
        }
        let left: Left = serde_json::from_slice(bytes).map_err(Error::Form)?;
        let (found, named) = (files.len(), left.files);
        let mut files = files.into_iter();
        match files.next() {
            Some(listener) if found == named => Ok(Self {
                left,
                listener,
                pipes: files.collect(),
            }),
            _ => Err(Error::Files { found, named }),
        }
    }

    /// Checks that it is of the environment in these settings.
    ///
    /// # Errors
    /// It is of another one.
    pub fn check(&self, config: &Config) -> Result<(), Error> {
        let is_same = config
            .environment_id()
            .is_ok_and(|id| id == self.left.environment);
        if is_same && config.zone == self.left.zone {
            return Ok(());
        }
        Err(Error::Other {
            left: self.left.environment.clone(),
            zone: self.left.zone.clone(),
        })
    }
}

impl Left {
    /// Returns the numbers of workers and attempts.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let workers = self.kinds.iter().flat_map(|kind| &kind.pools);
        let attempts = self.kinds.iter().map(|kind| kind.attempts.len());
        (workers.map(|pool| pool.workers.len()).sum(), attempts.sum())
    }

    /// Returns the time since it was written.
    pub(crate) fn passed(&self) -> Duration {
        now().saturating_sub(self.at)
    }
}

impl PoolLeft {
    /// Creates a record with none of its workers yet; `None` if its workers are not processes of
    /// this machine.
    pub(crate) fn of(release: &Release) -> Option<Self> {
        Some(Self {
            id: release.id.clone(),
            manifest: release.manifest.clone(),
            folder: release.folder.clone(),
            program: release.artifact.program()?.to_owned(),
            is_fetched: release.is_fetched,
            is_stable: false,
            is_kept: false,
            serves: None,
            lost: 0,
            workers: Vec::new(),
        })
    }

    /// Returns the release of its workers.
    pub(crate) fn release(&self) -> Release {
        Release {
            id: self.id.clone(),
            manifest: self.manifest.clone(),
            folder: self.folder.clone(),
            artifact: Artifact::Program(self.program.clone()),
            is_fetched: self.is_fetched,
        }
    }
}

/// Returns a task without the data that are only needed to begin it.
pub(crate) fn spare(task: &Task) -> Task {
    Task {
        credential: None,
        parameters: Parameters::default(),
        ..task.clone()
    }
}

/// Returns the time on the monotonic clock, which is the same for all programs of a machine.
#[allow(
    clippy::expect_used,
    reason = "any other time would void or prolong what is taken over"
)]
pub(crate) fn now() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).expect("it counts from the start of the machine on");
    let nanoseconds = u32::try_from(now.tv_nsec).expect("they are less than a second");
    Duration::new(seconds, nanoseconds)
}

#[cfg(test)]
mod tests;
