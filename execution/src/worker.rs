//! The events of workers, and the streams to them.

pub(crate) mod answer;

use std::time::Duration;

use tokio::sync::mpsc;
use tonic::Status;
use utakata_model::{Problem, TaskKey};
use utakata_protocol::v1::ToWorker;

use crate::runtime::{Exit, Trace};
pub(crate) use answer::Answer;

/// The number of a worker in this life of the environment, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Number(pub(crate) u64);

/// An event, with its worker.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) worker: Number,
    pub(crate) event: WorkerEvent,
}

#[derive(Debug)]
pub(crate) enum WorkerEvent {
    /// Its hello was accepted: the worker is admitted.
    Ready {
        /// The number of tasks that it takes at once.
        capacity: u32,
        /// True if it can be handed over to another manager.
        can_hold: bool,
        to: WorkerStream,
    },
    /// The ends of attempts.
    Answers(Vec<Answer>),
    /// Attempts at control that are ready, each with the nonce to repeat.
    CanBegin(Vec<(TaskKey, u64)>),
    /// A sign of life, and its memory in bytes, if it says that.
    Alive {
        memory: Option<u64>,
    },
    /// Its memory, in bytes, as its place measures it.
    Memory(u64),
    Parted(StreamEnd),
    /// It was started, with the trace by which it is found again.
    Started(Trace),
    /// Its end will say whose fault it was.
    Explained,
    /// Its place takes it away, and gives it this long.
    MustGo(Duration),
    /// It was told to end, as it says.
    Leaving,
    /// Nobody can say any more whether it goes on.
    OutOfReach,
    /// It could not be started.
    NotStarted(Problem),
    /// The environment had no room for it, or no engine to start it.
    Hindered(Problem),
    /// The last line of its output, reported before its end.
    LastWords(String),
    /// Its process ended.
    Exited(Exit),
}

/// The stream to a worker: messages are written as soon as there is room.
pub(crate) type WorkerStream = mpsc::Sender<Result<ToWorker, Status>>;

/// The reason why a stream has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StreamEnd {
    Closed,
    /// The stream broke, or contained something unreadable, as described.
    Broken(String),
    /// The worker was not admitted.
    Refused(Problem),
    /// The worker sent too much, and was cut off.
    Flood(String),
    /// We cut it.
    Cut,
}
