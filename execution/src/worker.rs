//! What is heard of workers, and who says it.

pub(crate) mod answer;

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
    /// Of which.
    pub(crate) worker: Number,
    /// What.
    pub(crate) said: Said,
}

/// What was heard of a worker.
#[derive(Debug)]
pub(crate) enum Said {
    /// It said hello and was let in.
    Ready {
        /// How many tasks it takes at once.
        capacity: u32,
        /// Whether it can go over to another manager.
        can_hold: bool,
        /// The way to it.
        to: Line,
    },
    /// How attempts ended.
    Answers(Vec<Answer>),
    /// These attempts of control could begin, each with the number that a go for it repeats.
    CanBegin(Vec<(TaskKey, u64)>),
    /// It is alive.
    Alive,
    /// It has so much memory, in bytes.
    Memory(u64),
    /// Its stream has ended.
    Parted(Parting),
    /// It was started, and this is how it is found again.
    Started(Trace),
    /// It could not be started.
    NotStarted(Problem),
    /// The environment had no room for it, or nobody to start it.
    Hindered(Problem),
    /// What it printed last, told before its end.
    LastWords(String),
    /// It has ended.
    Exited(Exit),
}

/// The way to a worker: messages that are written as soon as there is room.
pub(crate) type Line = mpsc::Sender<Result<ToWorker, Status>>;

/// Why a stream has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Parting {
    /// The worker closed it.
    Closed,
    /// It broke, or said what cannot be read: what was seen.
    Broken(String),
    /// The worker was not let in.
    Refused(Problem),
    /// The worker says too much, and was cut off.
    Flood(String),
    /// We have cut it.
    Cut,
}
