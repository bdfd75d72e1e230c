//! Everything that matters to the permit: the ledger, two environments, the messages between them,
//! and the device. Time passes in steps; the decisions are those of the product.

use std::sync::LazyLock;
use std::time::Duration;

use tokio::time::Instant;
use utakata_model::{EnvironmentId, Incarnation, OutcomeStatus, TaskId, TaskKey};
use utakata_permit::{
    Evidence,
    asks::OpenAsks,
    life::{Holder, Life, Stage},
};

use super::{case::Case, mutant::Mutant};

/// A step beyond every case: an event that may happen until then may happen at any time.
const EVER: u32 = 1000;

/// The smallest unit of time.
pub const STEP: Duration = Duration::from_secs(1);
/// The largest number of attempts in any case.
pub const MAX_ATTEMPTS: usize = 3;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Returns the moment after that many steps.
pub fn at(steps: u32) -> Instant {
    *START + STEP * steps
}

/// The complete state of the model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    pub now: Instant,
    /// The lag of the clocks on each environment's host, in steps.
    pub lags: Vec<u32>,
    /// The ledger's memory, identical to its records. All tasks are of the same target.
    pub lives: Vec<Life>,
    /// For each task, true while the ledger reads the target back.
    pub reads: Vec<bool>,
    pub environments: Vec<Environment>,
    pub jobs: Vec<Job>,
    /// Effects that the device may still produce.
    pub pending: Vec<Effect>,
    /// For each task, the position of the device in the state that it passes through.
    pub passage: Vec<Passage>,
    /// The task whose effect the device shows.
    pub shown: Option<usize>,
    /// The number of times the device carried out each task, by attempt.
    pub done: Vec<[u8; MAX_ATTEMPTS]>,
    /// The attempts that were begun, by task.
    pub begun: Vec<[bool; MAX_ATTEMPTS]>,
    /// The tasks that were permitted, the latest last.
    pub permitted: Vec<usize>,
    /// Every message ever sent. Each may arrive at any time, repeatedly, or never.
    pub sent: Vec<Message>,
    /// The attempts that were published: the queue may deliver each repeatedly, or never.
    pub published: Vec<Attempt>,
    /// The faults that may still happen.
    pub faults: Faults,
}

/// A budget of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Faults {
    pub ledger_crashes: u8,
    pub environment_crashes: u8,
    /// The number of deliveries that the environments still take.
    pub deliveries: u8,
    pub cancels: u8,
    pub recalls: u8,
    /// The number of times a worker may stall between its last look at the clock and its first word
    /// to the device.
    pub stalls: u8,
    /// The number of steps for which the clocks of a host may stand still, as those of a virtual
    /// machine do.
    pub stops: u8,
    /// The number of times a person settles a task.
    pub people: u8,
}

/// One attempt at a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt {
    pub task: usize,
    pub number: u32,
}

/// One incarnation of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sender {
    pub environment: usize,
    pub life: u8,
}

/// A running environment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Environment {
    pub life: u8,
    pub asks: OpenAsks,
    /// The asks under which something was begun.
    pub begun: Vec<u64>,
    /// Attempts that were refused without an ask, each only once.
    pub refused: Vec<Attempt>,
}

/// An attempt in the hands of an environment, or of a worker that the environment left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Job {
    pub from: Sender,
    pub attempt: Attempt,
    /// The permit. Absent if it was refused without one.
    pub ask: Option<u64>,
    pub stage: JobStage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobStage {
    /// It is permitted, and may be handed to a worker until then.
    Waiting { until: Instant },
    /// A worker has it, reported ready at `said`, and may be sent its go until then.
    Ready { until: Instant, said: Instant },
    /// The worker has been sent its go, perhaps unread: it begins while that is young enough.
    Going { said: Instant, within: Duration },
    /// A worker acts on it, and ends by then.
    Acting { until: Instant },
    /// It stands still, immediately before its first word to the device. `is_reported` is true if
    /// its environment has reported that its time is over.
    Stalled { until: Instant, is_reported: bool },
    /// The outcome, until it is recorded.
    Reported(Report),
}

/// An effect that an attempt may still have on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Effect {
    pub attempt: Attempt,
    pub from: Sender,
    pub until: Instant,
    /// It is on its way: the clock of the host no longer matters.
    pub is_sent: bool,
    /// The device has acknowledged it.
    pub is_sure: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Report {
    Succeeded,
    Failed,
    /// The worker has said so, or is gone.
    Unknown,
    /// The worker was not heard of in time.
    Overdue,
    Expired,
}

/// The progress of a device through another state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Passage {
    Before,
    Within,
    After,
}

/// A message between the parties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    Start {
        from: Sender,
        attempt: Attempt,
        ask: u64,
    },
    Permit {
        to: Sender,
        attempt: Attempt,
        ask: u64,
        /// Absent if it is refused.
        window: Option<Duration>,
    },
    Outcome {
        from: Sender,
        attempt: Attempt,
        ask: Option<u64>,
        report: Report,
    },
    Recorded {
        to: Sender,
        attempt: Attempt,
        ask: Option<u64>,
    },
    /// Nothing of this incarnation runs any more.
    Over { of: Sender },
    /// The state that the target showed when asked at that time.
    Seen {
        task: usize,
        requested: Instant,
        evidence: Evidence,
    },
}

impl World {
    /// Returns the world before any event.
    pub fn new(case: &Case) -> Self {
        let environment = |_| Environment::new(0, case);
        Self {
            now: at(0),
            lags: vec![0; case.environments],
            lives: vec![Life::new(at(case.expires)); case.tasks],
            reads: vec![false; case.tasks],
            environments: (0..case.environments).map(environment).collect(),
            jobs: Vec::new(),
            pending: Vec::new(),
            passage: vec![Passage::Before; case.tasks],
            shown: None,
            done: vec![[0; MAX_ATTEMPTS]; case.tasks],
            begun: vec![[false; MAX_ATTEMPTS]; case.tasks],
            permitted: Vec::new(),
            sent: Vec::new(),
            published: Vec::new(),
            faults: case.faults,
        }
    }

    /// Returns the time on the clocks of an environment's host.
    pub fn local(&self, environment: usize) -> Instant {
        self.now - STEP * self.lags[environment]
    }

    /// Returns the time that decides how late an effect may still be.
    pub fn clock_of(&self, effect: &Effect) -> Instant {
        if effect.is_sent {
            self.now
        } else {
            self.local(effect.from.environment)
        }
    }

    /// Returns the running incarnation of an environment.
    pub fn sender(&self, environment: usize) -> Sender {
        Sender {
            environment,
            life: self.environments[environment].life,
        }
    }

    /// Returns true if that incarnation is the running one.
    pub fn is_alive(&self, sender: Sender) -> bool {
        self.environments[sender.environment].life == sender.life
    }

    pub fn send(&mut self, message: Message) {
        if let Err(place) = self.sent.binary_search(&message) {
            self.sent.insert(place, message);
        }
    }

    /// Returns true if another task was permitted later, and the device shows its work.
    pub fn is_overtaken(&self, task: usize) -> bool {
        let place = |task| self.permitted.iter().position(|one| *one == task);
        self.shown.is_some_and(|shown| place(shown) > place(task))
    }

    /// Returns the number of times the device carried out the task.
    pub fn effects(&self, task: usize) -> u8 {
        self.done[task].iter().sum()
    }

    /// Returns the jobs that act, or may still begin.
    pub fn acting(&self) -> impl Iterator<Item = &Job> {
        self.jobs.iter().filter(|job| {
            let now = self.local(job.from.environment);
            match job.stage {
                JobStage::Waiting { until } | JobStage::Ready { until, .. } => now <= until,
                JobStage::Going { said, within } => now <= said + within,
                JobStage::Acting { .. } => true,
                JobStage::Stalled { .. } | JobStage::Reported(_) => false,
            }
        })
    }

    /// Returns true if only a person can still change anything.
    pub fn is_settled(&self) -> bool {
        self.lives.iter().all(needs_a_person)
    }

    /// Returns true if all tasks have ended and nobody can change anything any more.
    pub fn is_over(&self) -> bool {
        let is_permit = |message: &Message| {
            matches!(
                message,
                Message::Permit {
                    window: Some(_),
                    ..
                }
            )
        };
        self.lives.iter().all(Life::has_ended)
            && self.acting().next().is_none()
            && self.pending.is_empty()
            && !self.sent.iter().any(is_permit)
    }

    /// Makes worlds with the same future equal by forgetting what can no longer matter. That it
    /// cannot matter is a rule of the product with tests of its own; where that rule is broken on
    /// purpose, nothing is forgotten.
    pub fn normalise(&mut self, case: &Case) {
        self.jobs.sort_unstable();
        self.pending.sort_unstable();
        if !case.mutant.is_some_and(Mutant::minds_the_past) {
            let mut sent = std::mem::take(&mut self.sent);
            sent.retain(|message| self.may_matter(case, *message));
            self.sent = sent;
            let lives = &self.lives;
            self.published
                .retain(|attempt| !lives[attempt.task].has_ended());
        }
    }

    fn may_matter(&self, case: &Case, message: Message) -> bool {
        match message {
            Message::Start { attempt, .. } => !self.lives[attempt.task].has_ended(),
            // A task that has ended is refused to everybody, but a permit may still be under way.
            Message::Permit {
                to,
                attempt,
                window,
                ..
            } => self.is_alive(to) && (window.is_some() || !self.lives[attempt.task].has_ended()),
            Message::Outcome { attempt, .. } => {
                let life = &self.lives[attempt.task];
                let is_current = life.attempt == attempt.number && !life.has_ended();
                is_current || case.is_recorded
            }
            Message::Recorded { to, .. } => self.is_alive(to),
            Message::Over { of } => {
                let is_its = |life: &Life| {
                    let holder = life.holder();
                    holder.is_some_and(|its| its.incarnation == of.incarnation()) && !life.is_over
                };
                self.lives.iter().any(is_its)
            }
            Message::Seen {
                task, requested, ..
            } => {
                let life = &self.lives[task];
                let counts = match life.stage {
                    Stage::Verifying { since, .. } | Stage::ReadingBack { since, .. } => {
                        since <= requested
                    }
                    Stage::Unsettled {
                        late: Some(late), ..
                    } => late.since <= requested,
                    _ => requested == self.now,
                };
                counts && !life.has_ended()
            }
        }
    }
}

impl Environment {
    pub fn new(life: u8, case: &Case) -> Self {
        Self {
            life,
            asks: OpenAsks::new(case.times),
            begun: Vec::new(),
            refused: Vec::new(),
        }
    }
}

impl Effect {
    /// Returns what a worker may do from now until then, by the clock of its host.
    pub fn new(job: &Job, until: Instant) -> Self {
        Self {
            attempt: job.attempt,
            from: job.from,
            until,
            is_sent: false,
            is_sure: false,
        }
    }

    pub fn is_of(&self, job: &Job) -> bool {
        self.attempt == job.attempt && self.from == job.from
    }

    /// Lets the effect happen at any time.
    pub fn stall(&mut self) {
        self.until = at(EVER);
    }

    /// Its cause has ended: the device carries it out by then, or never.
    pub fn send(&mut self, until: Instant) {
        self.until = if self.is_sent {
            self.until.min(until)
        } else {
            until
        };
        self.is_sent = true;
    }
}

impl Attempt {
    /// Returns its name in the product.
    pub fn key(self) -> TaskKey {
        TaskKey {
            task: TaskId::from_bytes([self.task as u8; 16]),
            attempt: self.number,
        }
    }

    /// Returns the attempt of that name in the product.
    pub fn of(key: TaskKey) -> Self {
        Self {
            task: usize::from(key.task.as_bytes()[0]),
            number: key.attempt,
        }
    }

    /// Returns its position among the attempts.
    pub fn place(self) -> usize {
        self.number as usize - 1
    }
}

impl Sender {
    pub fn incarnation(self) -> Incarnation {
        Incarnation::from_bytes([self.environment as u8 * 16 + self.life; 16])
    }

    pub fn holder(self, ask: u64) -> Holder {
        static NAMES: LazyLock<[EnvironmentId; 2]> =
            LazyLock::new(|| ["east", "west"].map(|name| name.parse().unwrap()));
        Holder {
            environment: NAMES[self.environment].clone(),
            incarnation: self.incarnation(),
            ask,
        }
    }
}

impl Report {
    pub fn status(self) -> OutcomeStatus {
        match self {
            Self::Succeeded => OutcomeStatus::Succeeded,
            Self::Failed => OutcomeStatus::Failed,
            Self::Unknown | Self::Overdue => OutcomeStatus::Unknown,
            Self::Expired => OutcomeStatus::Expired,
        }
    }
}

/// Returns true if only a person can still change anything about a task.
pub fn needs_a_person(life: &Life) -> bool {
    let is_unsettled = matches!(life.stage, Stage::Unsettled { .. });
    life.has_ended() || (is_unsettled && life.late().is_none())
}
