//! The events of workers, and the streams to them.

pub(crate) mod answer;

use std::time::Duration;

use tokio::sync::mpsc;
use tonic::Status;
use utakata_model::{Problem, TaskKey};
use utakata_protocol::v1::ToWorker;

use crate::runtime::{Exit, Trace};
pub(crate) use answer::Answer;

/// One worker of this life of the environment: never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Number(pub(crate) u64);

/// Something that was heard of a worker.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) worker: Number,
    pub(crate) event: WorkerEvent,
}

/// An event of a worker.
#[derive(Debug)]
pub(crate) enum WorkerEvent {
    /// A hello that was good: the worker is let in.
    Ready {
        /// The number of tasks that it takes at once.
        capacity: u32,
        /// True if it can be handed over to another manager.
        can_hold: bool,
        /// The stream to it.
        to: WorkerStream,
    },
    /// The ends of attempts.
    Answers(Vec<Answer>),
    /// Attempts of control that could begin, each with the number that a go for it repeats.
    CanBegin(Vec<(TaskKey, u64)>),
    /// A sign of life.
    Alive,
    /// Its memory, in bytes.
    Memory(u64),
    /// The end of its stream.
    Parted(StreamEnd),
    /// Its start, with the trace by which it is found again.
    Started(Trace),
    /// Its end will say whose fault it was.
    Explained,
    /// Its place takes it away, and gives it this long.
    MustGo(Duration),
    /// Nobody can say any more whether it goes on.
    OutOfReach,
    /// It could not be started.
    NotStarted(Problem),
    /// The environment had no room for it, or nobody to start it.
    Hindered(Problem),
    /// The last line that it printed, reported before its end.
    LastWords(String),
    /// Its process ended.
    Exited(Exit),
}

/// The way to a worker: messages that are written as soon as there is room.
pub(crate) type WorkerStream = mpsc::Sender<Result<ToWorker, Status>>;

/// The reason for which a stream has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StreamEnd {
    /// The worker closed it.
    Closed,
    /// A stream that broke, or brought what cannot be read: what was seen.
    Broken(String),
    /// The worker was not let in.
    Refused(Problem),
    /// The worker says too much, and was cut off.
    Flood(String),
    /// We cut it.
    Cut,
}
