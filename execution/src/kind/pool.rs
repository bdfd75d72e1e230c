//! The workers of one release, as the environment knows them.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use utakata_model::{
    Cure, PoolStatus, Problem, RanBy, Stop, environment::EndedTasks, manifest::Lifetime,
};
use utakata_protocol::v1;

use crate::{
    Release,
    config::Backoff,
    manager::{
        demand::Demand,
        failures::Failures,
        places::Turn,
        plan::{self, Phase, Why},
    },
    pool::select::{Candidate, PoolFacts},
    runtime::{Exit, Trace},
    worker::{Line, Number, Parting},
};

/// How long an exit and the end of the stream are waited for together: what a worker said
/// last is heard, and what is told of its end is all that is known.
const END_WITHIN: Duration = Duration::from_secs(1);

/// The workers of one release.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) release: Arc<Release>,
    pub(super) desired: Option<plan::Desired>,
    /// Whether it serves where no rollout says otherwise.
    pub(super) is_stable: bool,
    /// Whether targets may be pinned to it.
    pub(super) is_kept: bool,
    /// Whether a rollout has turned it back: nothing goes to it.
    pub(super) is_retired: bool,
    /// Whether it is stopped by an order, and how: what would go to it waits.
    pub(super) stop: Option<Stop>,
    pub(super) failures: Failures,
    /// Workers that died or hung.
    pub(super) lost: u64,
    /// The last thing that went wrong with a worker.
    pub(super) problem: Option<Problem>,
    /// Why the environment could not start one last, which is not the fault of the release.
    pub(super) trouble: Option<Problem>,
    /// How many workers it has needed lately.
    pub(super) demand: Demand,
    /// How tasks ended that they had.
    pub(super) ended: EndedTasks,
    /// Since when it has workers, or waits for one.
    pub(super) turn: Turn,
    /// How many it may have, where it could do with more than the environment has places for.
    pub(super) short: Option<u32>,
    pub(super) workers: Vec<Worker>,
}

/// One worker.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) number: Number,
    /// What is written into its outcomes.
    pub(super) ran_by: RanBy,
    pub(super) phase: Phase,
    pub(super) capacity: u32,
    /// Whether it is there for one task only.
    pub(super) is_single: bool,
    /// Tasks that it was given.
    pub(super) begun: u64,
    /// How much memory it had when that was last looked at, in bytes.
    pub(super) memory: Option<u64>,
    /// Attempts that it has, overdue ones among them.
    pub(super) running: u32,
    pub(super) overdue: u32,
    /// Answers to attempts that it does not have.
    pub(super) strays: u32,
    pub(super) ready_since: Option<Instant>,
    /// The way to it, from hello to the end of the stream.
    pub(super) line: Option<Line>,
    /// Whether it can go over to another manager.
    pub(super) can_hold: bool,
    /// How another program of this process finds it again.
    pub(super) trace: Option<Trace>,
    /// If it was told to close its stream and to come back.
    pub(super) parked: Option<Parked>,
    /// What goes to it with the next message.
    pub(super) batch: Batch,
    pub(super) kill: CancellationToken,
    pub(super) cut: CancellationToken,
    /// Whether it was asked to end, so that its end is no failure.
    pub(super) is_expected: bool,
    /// Whether its failure was counted.
    pub(super) is_counted: bool,
    /// What was wrong with it, when it was killed for that.
    pub(super) cause: Option<Problem>,
    /// What it printed last, before its end.
    pub(super) last_words: Option<String>,
    pub(super) parted: Option<(Instant, Parting)>,
    pub(super) exited: Option<(Instant, Ended)>,
}

/// How a worker comes back.
#[derive(Debug)]
pub(super) struct Parked {
    /// What it will say.
    pub(super) token: String,
    /// By when.
    pub(super) until: Instant,
    /// Whether it has closed its stream.
    pub(super) has_left: bool,
}

/// How the process, or container, of a worker ended.
#[derive(Debug)]
pub(super) enum Ended {
    Exit(Exit),
    NotStarted(Problem),
    /// The environment had no room for it, or nobody to start it.
    Hindered(Problem),
}

/// Tasks for one worker, in messages that are not too large.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) full: Vec<Vec<v1::Task>>,
    pub(super) last: Vec<v1::Task>,
    bytes: usize,
}

impl Batch {
    /// Messages are closed at this size, well below the most that either side takes.
    const BYTES: usize = 2 * 1024 * 1024;
    /// What a task has besides its parameters and address, roughly.
    const OVERHEAD: usize = 512;

    pub(super) fn push(&mut self, task: v1::Task) {
        self.bytes += task.parameters.len() + task.address.len() + Self::OVERHEAD;
        self.last.push(task);
        if self.bytes >= Self::BYTES {
            self.full.push(std::mem::take(&mut self.last));
            self.bytes = 0;
        }
    }

    /// The messages.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Vec<v1::Task>> {
        self.bytes = 0;
        let last = std::mem::take(&mut self.last);
        let full = std::mem::take(&mut self.full).into_iter();
        full.chain((!last.is_empty()).then_some(last))
    }
}

impl Worker {
    /// As the choice of a worker sees it: only if it can take a task now.
    pub(super) fn candidate(&self) -> Option<Candidate> {
        let is_ready = matches!(self.phase, Phase::Ready { .. }) && self.overdue == 0;
        let has_line = |line: &Line| line.capacity() > self.batch.full.len() + 1;
        let can = is_ready && !self.is_spent() && self.line.as_ref().is_some_and(has_line);
        can.then_some(Candidate {
            number: self.number,
            running: self.running,
            capacity: self.capacity,
        })
    }

    /// Whether it was there for one task, and has had it.
    pub(super) fn is_spent(&self) -> bool {
        self.is_single && self.begun > 0
    }

    /// It was heard of.
    pub(super) fn hear(&mut self, now: Instant) {
        match &mut self.phase {
            Phase::Ready { heard, .. } | Phase::Draining { heard, .. } => *heard = now,
            Phase::Starting { .. } | Phase::Ending { .. } => {}
        }
    }

    /// It has something to do.
    pub(super) fn be_busy(&mut self, now: Instant) {
        if let Phase::Ready { busy, .. } = &mut self.phase {
            *busy = now;
        }
    }

    /// It must go, now.
    pub(super) fn end(&mut self, now: Instant, cause: Option<Problem>) {
        if self.cause.is_none() {
            self.cause = cause;
        }
        self.phase = Phase::Ending { since: now };
        self.cut.cancel();
        self.kill.cancel();
    }

    /// Whether nothing more can come from it.
    pub(super) fn is_silent(&self, now: Instant) -> bool {
        let passed = |at: &Instant| now.saturating_duration_since(*at) >= END_WITHIN;
        match (&self.parted, &self.exited) {
            (Some(_), Some(_)) => true,
            (Some((at, _)), None) => passed(at),
            (None, Some((at, _))) => self.line.is_none() || passed(at),
            (None, None) => false,
        }
    }

    /// What is told of its end.
    pub(super) fn end_problem(&self) -> Problem {
        let crashed = |message: String| Problem::new("worker-crashed", Cure::Bug, message);
        let worker = &self.ran_by.worker;
        let parted = self.parted.as_ref().map(|(_, parting)| parting);
        if let Some(cause) = &self.cause {
            return cause.clone();
        }
        match (parted, self.exited.as_ref().map(|(_, ended)| ended)) {
            (Some(Parting::Refused(problem)), _)
            | (_, Some(Ended::NotStarted(problem) | Ended::Hindered(problem))) => problem.clone(),
            (Some(Parting::Flood(what)), _) => {
                let message = format!("the worker {worker} says too much and was cut off: {what}");
                Problem::new("worker-flood", Cure::Bug, message)
            }
            (None, Some(Ended::Exit(exit))) => {
                let words = self.last_words.as_deref();
                let words = words.unwrap_or("see what it printed in the log");
                // It reads its release first: what it says is about what somebody has put there.
                let message = format!("the worker {worker} {exit} before it said hello: {words}");
                Problem::new("worker-crashed", Cure::Operator, message)
            }
            (Some(_), Some(Ended::Exit(exit))) => crashed(format!("the worker {worker} {exit}")),
            (Some(Parting::Broken(what)), None) => {
                crashed(format!("the stream of the worker {worker} broke: {what}"))
            }
            (_, None) => crashed(format!("the worker {worker} closed its stream")),
        }
    }
}

impl Pool {
    pub(super) fn new(release: Arc<Release>) -> Self {
        Self {
            release,
            desired: None,
            is_stable: false,
            is_kept: false,
            is_retired: false,
            stop: None,
            failures: Failures::default(),
            lost: 0,
            problem: None,
            trouble: None,
            demand: Demand::default(),
            ended: EndedTasks::default(),
            turn: Turn::None,
            short: None,
            workers: Vec::new(),
        }
    }

    /// The worker at this place has failed, unless it was asked to end. Counted once, as soon
    /// as it is known, so that its successor waits.
    pub(super) fn fail(&mut self, at: usize, now: Instant, backoff: &Backoff) {
        let worker = &mut self.workers[at];
        if worker.is_expected {
            return;
        }
        if let Some((_, Ended::Hindered(trouble))) = &worker.exited {
            self.trouble = Some(trouble.clone());
            if !std::mem::replace(&mut worker.is_counted, true) {
                self.failures = self.failures.on_hindrance(now, backoff);
            }
            return;
        }
        // More is known each time.
        self.problem = Some(worker.end_problem());
        if !std::mem::replace(&mut worker.is_counted, true) {
            let lived = worker
                .ready_since
                .map(|at| now.saturating_duration_since(at));
            let lived = lived.unwrap_or_default();
            self.failures = self.failures.on_death(now, lived, backoff);
            self.lost += 1;
        }
    }

    /// Why the environment cannot start workers, as long as it tries to.
    pub(super) fn trouble(&self) -> Option<Problem> {
        self.trouble.clone().filter(|_| self.failures.any())
    }

    /// Whether each task has a worker of its own.
    pub(super) fn is_single(&self) -> bool {
        let desired = self.desired.as_ref();
        desired.is_some_and(|desired| desired.size.lifetime == Lifetime::Task)
    }

    pub(super) fn ready(&self) -> u32 {
        self.count(|phase| matches!(phase, Phase::Ready { .. }))
    }

    /// The most memory that one of its workers has, in bytes.
    pub(super) fn memory(&self) -> Option<u64> {
        self.workers.iter().filter_map(|worker| worker.memory).max()
    }

    /// Workers that take tasks, or will.
    pub(super) fn live(&self) -> u32 {
        self.count(|phase| matches!(phase, Phase::Starting { .. } | Phase::Ready { .. }))
    }

    /// How many tasks its workers can take now, and could take at the most.
    pub(super) fn room(&self) -> (usize, usize) {
        if self.stop.is_some() {
            return (0, 0);
        }
        let candidates = self.workers.iter().filter_map(Worker::candidate);
        candidates.fold((0, 0), |(free, all), worker| {
            let room = worker.capacity.saturating_sub(worker.running);
            (free + room as usize, all + worker.capacity as usize)
        })
    }

    /// Whether tasks without a pin go to it.
    pub(super) fn is_serving(&self) -> bool {
        self.desired
            .as_ref()
            .is_some_and(|desired| desired.is_active)
    }

    pub(super) fn facts(&self) -> PoolFacts<'_> {
        PoolFacts {
            version: &self.release.id.version,
            is_desired: self.desired.is_some(),
            is_active: self.is_serving(),
            is_retired: self.is_retired,
            is_stopped: self.stop.is_some(),
            ready: self.ready(),
        }
    }

    /// As the plan sees it.
    pub(super) fn observed(
        &self,
        wait: Option<Duration>,
        queued: usize,
        is_stopped: bool,
    ) -> plan::Pool {
        let worker = |worker: &Worker| plan::Worker {
            number: worker.number,
            phase: worker.phase,
            running: worker.running,
            overdue: worker.overdue,
            capacity: worker.capacity,
            begun: worker.begun,
            is_spent: worker.is_spent(),
            ready_since: worker.ready_since,
            memory: worker.memory,
        };
        plan::Pool {
            desired: self.desired.clone(),
            is_stopped,
            workers: self.workers.iter().map(worker).collect(),
            wait,
            queued: queued as u64,
            warm: self.demand.peak(),
            failures: self.failures,
            allowed: None,
        }
    }

    /// As others see it.
    pub(super) fn status(&self, is_active: bool, waiting: u32) -> PoolStatus {
        let ready = self.ready();
        let is_sick = ready == 0 || self.failures.is_loop();
        PoolStatus {
            release: (*self.release.id).clone(),
            manifest: (*self.release.manifest).clone(),
            active: is_active,
            starting: self.count(|phase| matches!(phase, Phase::Starting { .. })),
            ready,
            draining: self.count(|phase| matches!(phase, Phase::Draining { .. })),
            running: self.workers.iter().map(|worker| worker.running).sum(),
            waiting,
            lost: self.lost,
            problem: self
                .trouble()
                .or_else(|| self.problem.clone().filter(|_| is_sick)),
            memory: self.memory(),
            ended: self.ended,
        }
    }

    fn count(&self, is_wanted: impl Fn(&Phase) -> bool) -> u32 {
        let count = self.workers.iter().filter(|w| is_wanted(&w.phase)).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

/// What is told of a worker that is killed.
pub(super) fn killed(ran_by: &RanBy, why: Why) -> Option<Problem> {
    let worker = &ran_by.worker;
    let (code, message) = match why {
        Why::NoHello => (
            "worker-no-hello",
            format!("the worker {worker} was started and did not say hello in time"),
        ),
        Why::Silent => (
            "worker-hung",
            format!("the worker {worker} was not heard of any more and was killed"),
        ),
        Why::Overdue => (
            "worker-hung",
            format!("the worker {worker} does not answer tasks by their deadlines and was killed"),
        ),
        Why::DrainedTooLong | Why::NotNeeded | Why::Left => return None,
    };
    Some(Problem::new(code, Cure::Bug, message))
}
