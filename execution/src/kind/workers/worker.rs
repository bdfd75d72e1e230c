//! A worker, as the environment knows it.

use std::time::Duration;

use tokio::time::Instant;
use utakata_model::{Cure, Problem, RanBy};
use utakata_protocol::v1;

use super::{
    plan::{self, Phase, Why},
    select::Candidate,
};
use crate::{
    runtime::{Exit, Trace},
    worker::{Number, StreamEnd},
};

/// The time for which the exit of a process and the end of its stream are awaited together, so that
/// the last output of a worker is read and everything known is reported of its end.
const END_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Worker {
    pub(super) number: Number,
    /// The name that outcomes have for it.
    pub(super) ran_by: RanBy,
    pub(super) phase: Phase,
    pub(super) capacity: u32,
    /// True if it is for a single task.
    pub(super) is_single: bool,
    /// The number of tasks that it was given.
    pub(super) begun: u64,
    /// Its memory at the last measurement, in bytes.
    pub(super) memory: Option<u64>,
    /// True if its place measures its memory: what it says about it does not count.
    pub(super) is_measured: bool,
    /// The number of attempts that it has, including overdue ones.
    pub(super) running: u32,
    pub(super) overdue: u32,
    /// The number of answers to attempts that it does not have.
    pub(super) strays: u32,
    pub(super) ready_since: Option<Instant>,
    /// The number of messages for which its stream has room; `None` if it has no stream.
    pub(super) room: Option<usize>,
    /// True if it can go over to another manager.
    pub(super) can_hold: bool,
    /// The trace by which another program in this process finds it again.
    pub(super) trace: Option<Trace>,
    /// Present if it was told to close its stream and to return.
    pub(super) parked: Option<Parked>,
    /// The tasks that go to it with the next message.
    pub(super) batch: Batch,
    /// True if it was asked to end, so that its end is no failure.
    pub(super) is_expected: bool,
    /// Its place took it away, or lost it: its end is nobody's failure.
    pub(super) is_excused: bool,
    /// Its end will say whose fault it was.
    pub(super) is_explained: bool,
    /// True if its failure was counted.
    pub(super) is_counted: bool,
    /// The problem because of which it was killed.
    pub(super) cause: Option<Problem>,
    /// The last lines of its output before its end.
    pub(super) last_words: Option<String>,
    pub(super) parted: Option<(Instant, StreamEnd)>,
    pub(super) exited: Option<(Instant, Ended)>,
}

/// The return of a worker that was told to return.
#[derive(Debug)]
pub(super) struct Parked {
    /// The token with which it returns.
    pub(super) token: String,
    /// The time by which it has to be back.
    pub(super) until: Instant,
    /// True if it has closed its stream.
    pub(super) has_left: bool,
}

/// The end of a worker's process or container.
#[derive(Debug)]
pub(in crate::kind) enum Ended {
    Exit(Exit),
    NotStarted(Problem),
    /// The environment had no room for it, or no engine to start it.
    Hindered(Problem),
}

/// Tasks for one worker, in messages of limited size.
#[derive(Debug, Default)]
pub(super) struct Batch {
    full: Vec<Vec<v1::Task>>,
    last: Vec<v1::Task>,
    bytes: usize,
}

impl Batch {
    /// The size at which a message is complete, in bytes: well below the largest that either side
    /// takes.
    const BYTES: usize = 2 * 1024 * 1024;
    /// The approximate size of a task besides its parameters and address, in bytes.
    const OVERHEAD: usize = 512;

    pub(super) fn push(&mut self, task: v1::Task) {
        self.bytes += task.parameters.len() + task.address.len() + Self::OVERHEAD;
        self.last.push(task);
        if self.bytes >= Self::BYTES {
            self.full.push(std::mem::take(&mut self.last));
            self.bytes = 0;
        }
    }

    /// Takes the messages.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Vec<v1::Task>> + use<> {
        self.bytes = 0;
        let last = std::mem::take(&mut self.last);
        let full = std::mem::take(&mut self.full).into_iter();
        full.chain((!last.is_empty()).then_some(last))
    }

    /// Returns the largest number of messages that there will be.
    fn messages(&self) -> usize {
        self.full.len() + 1
    }
}

impl Worker {
    /// Creates a worker that is being started.
    pub(super) fn starting(number: Number, ran_by: RanBy, now: Instant) -> Self {
        Self {
            number,
            ran_by,
            phase: Phase::Starting { since: now },
            capacity: 0,
            is_single: false,
            begun: 0,
            memory: None,
            is_measured: false,
            running: 0,
            overdue: 0,
            strays: 0,
            ready_since: None,
            room: None,
            can_hold: false,
            trace: None,
            parked: None,
            batch: Batch::default(),
            is_expected: false,
            is_excused: false,
            is_explained: false,
            is_counted: false,
            cause: None,
            last_words: None,
            parted: None,
            exited: None,
        }
    }

    /// Returns it as the choice of a worker sees it: only if it can take a task now.
    pub(super) fn candidate(&self) -> Option<Candidate> {
        let is_ready = self.is_ready() && self.overdue == 0 && !self.is_spent();
        let has_room = self.room.is_some_and(|room| room > self.batch.messages());
        (is_ready && has_room).then_some(Candidate {
            number: self.number,
            running: self.running,
            capacity: self.capacity,
        })
    }

    /// Returns it as the plan sees it.
    pub(super) fn observed(&self) -> plan::ObservedWorker {
        plan::ObservedWorker {
            number: self.number,
            phase: self.phase,
            running: self.running,
            overdue: self.overdue,
            capacity: self.capacity,
            begun: self.begun,
            is_spent: self.is_spent(),
            ready_since: self.ready_since,
            memory: self.memory,
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready { .. })
    }

    pub(super) fn is_ending(&self) -> bool {
        matches!(self.phase, Phase::Ending { .. })
    }

    /// Returns true if it was for one task, and has had it.
    pub(super) fn is_spent(&self) -> bool {
        self.is_single && self.begun > 0
    }

    /// Records that a message arrived from it.
    pub(super) fn hear(&mut self, now: Instant) {
        match &mut self.phase {
            Phase::Ready { heard, .. } | Phase::Draining { heard, .. } => *heard = now,
            Phase::Starting { .. } | Phase::Ending { .. } => {}
        }
    }

    /// Records that it has something to do.
    pub(super) fn be_busy(&mut self, now: Instant) {
        if let Phase::Ready { busy, .. } = &mut self.phase {
            *busy = now;
        }
    }

    /// Returns true if nothing more can arrive from it.
    pub(super) fn is_silent(&self, now: Instant) -> bool {
        let passed = |at: &Instant| now.saturating_duration_since(*at) >= END_TIMEOUT;
        match (&self.parted, &self.exited) {
            (Some(_), Some(_)) => true,
            (Some((at, _)), None) => passed(at),
            (None, Some((at, _))) => self.room.is_none() || passed(at),
            (None, None) => false,
        }
    }

    /// Returns true if it can go over to another program.
    pub(super) fn can_leave(&self) -> bool {
        self.can_hold && self.trace.is_some()
    }

    /// Returns whether it may turn out that its place is the reason for its end. What it was
    /// refused or cut off for is its own fault in any case.
    pub(super) fn may_be_excused(&self) -> bool {
        let parting = self.parted.as_ref().map(|(_, parting)| parting);
        let is_own = matches!(parting, Some(StreamEnd::Refused(_) | StreamEnd::Flood(_)));
        self.is_explained && self.exited.is_none() && !is_own
    }

    /// Returns whether it was seen to end.
    pub(super) fn is_gone(&self) -> bool {
        let ended = self.exited.as_ref().map(|(_, ended)| ended);
        ended.is_some_and(|ended| !matches!(ended, Ended::Exit(exit) if !exit.is_proven()))
    }

    /// Describes the end, for people.
    pub(super) fn end_problem(&self) -> Problem {
        let crashed = |message: String| Problem::new("worker-crashed", Cure::Bug, message);
        let worker = &self.ran_by.worker;
        let parted = self.parted.as_ref().map(|(_, parting)| parting);
        if let Some(cause) = &self.cause {
            return cause.clone();
        }
        let ended = self.exited.as_ref().map(|(_, ended)| ended);
        if let Some(Ended::Exit(exit)) = ended
            && exit.is_of_place()
        {
            let message = format!("the worker {worker} {exit}");
            return Problem::new("worker-evicted", Cure::Retry, message);
        }
        match (parted, ended) {
            (Some(StreamEnd::Refused(problem)), _)
            | (_, Some(Ended::NotStarted(problem) | Ended::Hindered(problem))) => problem.clone(),
            (Some(StreamEnd::Flood(what)), _) => {
                let message = format!("the worker {worker} sends too much and was cut off: {what}");
                Problem::new("worker-flood", Cure::Bug, message)
            }
            (None, Some(Ended::Exit(exit))) => {
                let words = self.last_words.as_deref();
                let words = words.unwrap_or("see what it printed in the log");
                // It reads its release first, so its output is about files that somebody has put
                // there.
                let message = format!("the worker {worker} {exit} before it said hello: {words}");
                Problem::new("worker-crashed", Cure::Operator, message)
            }
            (Some(_), Some(Ended::Exit(exit))) => crashed(format!("the worker {worker} {exit}")),
            (Some(StreamEnd::Broken(what)), None) => {
                crashed(format!("the stream of the worker {worker} broke: {what}"))
            }
            (_, None) => crashed(format!("the worker {worker} closed its stream")),
        }
    }
}

/// Returns the problem of a worker that is killed for a fault of its own.
pub(super) fn killed(ran_by: &RanBy, why: Why) -> Option<Problem> {
    let worker = &ran_by.worker;
    let (code, message) = match why {
        Why::NoHello => (
            "worker-no-hello",
            format!("the worker {worker} was started and did not say hello in time"),
        ),
        Why::Silent => (
            "worker-hung",
            format!("the worker {worker} did not answer any more and was killed"),
        ),
        Why::Overdue => (
            "worker-hung",
            format!("the worker {worker} does not answer tasks by their deadlines and was killed"),
        ),
        Why::DrainedTooLong | Why::NotNeeded | Why::Left => return None,
    };
    Some(Problem::new(code, Cure::Bug, message))
}
