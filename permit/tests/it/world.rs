//! Everything that matters to the permit: the ledger, two environments, what is between them,
//! and the device. Time goes in steps; the decisions are those of the product.

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

/// Beyond every case: what may happen until then may happen at any time.
const EVER: u32 = 1000;

/// The least time that passes.
pub const STEP: Duration = Duration::from_secs(1);
/// No case has more attempts of a task.
pub const MAX_ATTEMPTS: usize = 3;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The moment after so many steps.
pub fn at(steps: u32) -> Instant {
    *START + STEP * steps
}

/// Where everything stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    pub now: Instant,
    /// How far the clocks of each environment's host are behind, in steps.
    pub lags: Vec<u32>,
    /// What the ledger has in memory, which is what it has written down. All are tasks of one
    /// target.
    pub lives: Vec<Life>,
    /// Whether the ledger is reading the target back, for each task.
    pub reads: Vec<bool>,
    pub environments: Vec<Environment>,
    pub jobs: Vec<Job>,
    /// What the device may still do.
    pub pending: Vec<Effect>,
    /// How far the device is with what passes through another state, for each task.
    pub passage: Vec<Passage>,
    /// The task of which the device shows the effect.
    pub shown: Option<usize>,
    /// How often the device did what a task says, by attempt.
    pub done: Vec<[u8; MAX_ATTEMPTS]>,
    /// Which attempts were begun.
    pub begun: Vec<[bool; MAX_ATTEMPTS]>,
    /// All that was ever sent. Any of it may come at any time, again and again, or never.
    pub sent: Vec<Message>,
    /// The attempts that were published: the queue may deliver them again and again, or never.
    pub published: Vec<Attempt>,
    /// What may still go wrong.
    pub faults: Faults,
}

/// How much may still go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Faults {
    pub ledger_crashes: u8,
    pub environment_crashes: u8,
    /// How many deliveries the environments still take.
    pub deliveries: u8,
    pub cancels: u8,
    pub recalls: u8,
    /// How often a worker stops after its last look at the clock, and before it says anything to
    /// the device.
    pub stalls: u8,
    /// For how many steps the clocks of a host stand still, as those of a virtual machine may.
    pub stops: u8,
}

/// A try at a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt {
    pub task: usize,
    pub number: u32,
}

/// One life of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sender {
    pub environment: usize,
    pub life: u8,
}

/// An environment that runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Environment {
    pub life: u8,
    pub asks: OpenAsks,
    /// The asks under which something was begun.
    pub begun: Vec<u64>,
    /// Attempts that were refused without an ask: they are so once.
    pub refused: Vec<Attempt>,
}

/// An attempt in the hands of an environment, or of a worker that it has left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Job {
    pub from: Sender,
    pub attempt: Attempt,
    /// The permit; absent: it was refused without one.
    pub ask: Option<u64>,
    pub stage: JobStage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobStage {
    /// Permitted: a worker may be given it until then.
    Waiting { until: Instant },
    /// A worker has it, and said then that it is ready; it may have its go until then.
    Ready { until: Instant, said: Instant },
    /// The worker has its go, which may lie unread: it begins while that is young enough.
    Going { said: Instant, within: Duration },
    /// A worker is at it, and ends by then.
    Acting { until: Instant },
    /// It stands still, immediately before it says something to the device; whether its
    /// environment has said that its time is over.
    Stalled { until: Instant, is_reported: bool },
    /// The outcome, until it is recorded.
    Reported(Report),
}

/// What an attempt that was begun may still do to the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Effect {
    pub attempt: Attempt,
    pub from: Sender,
    pub until: Instant,
    /// It is on its way: the clock of the host has no say any more.
    pub is_sent: bool,
    /// The device has said that it does it.
    pub is_sure: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Report {
    Succeeded,
    Failed,
    /// The worker has said so, or is gone.
    Unknown,
    /// Nothing was heard of the worker in time.
    Overdue,
    Expired,
}

/// How far a device is with what passes through another state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Passage {
    Before,
    Within,
    After,
}

/// What goes between the boxes.
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
        is_permitted: bool,
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
    /// Nothing of this life of an environment runs any more.
    Over { of: Sender },
    /// What the target showed when it was asked then.
    Seen {
        task: usize,
        asked: Instant,
        evidence: Evidence,
    },
}

impl World {
    /// Nothing has happened.
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
            sent: Vec::new(),
            published: Vec::new(),
            faults: case.faults,
        }
    }

    /// What the clocks of an environment's host say.
    pub fn local(&self, environment: usize) -> Instant {
        self.now - STEP * self.lags[environment]
    }

    /// What the clock says that decides how long an effect may be late.
    pub fn clock_of(&self, effect: &Effect) -> Instant {
        if effect.is_sent {
            self.now
        } else {
            self.local(effect.from.environment)
        }
    }

    /// The life of an environment that runs.
    pub fn sender(&self, environment: usize) -> Sender {
        Sender {
            environment,
            life: self.environments[environment].life,
        }
    }

    /// Whether that life is the one that runs.
    pub fn is_alive(&self, sender: Sender) -> bool {
        self.environments[sender.environment].life == sender.life
    }

    pub fn send(&mut self, message: Message) {
        if let Err(place) = self.sent.binary_search(&message) {
            self.sent.insert(place, message);
        }
    }

    /// How often the device did what the task says.
    pub fn effects(&self, task: usize) -> u8 {
        self.done[task].iter().sum()
    }

    /// Jobs that can act, or can still begin.
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

    /// Whether nothing more comes but from a person.
    pub fn is_settled(&self) -> bool {
        let is_settled = |life: &Life| life.has_ended() || is_unsettled(life);
        self.lives.iter().all(is_settled)
    }

    /// Whether all tasks have ended and nobody can do anything about it any more.
    pub fn is_over(&self) -> bool {
        let is_permit = |message: &Message| {
            matches!(
                message,
                Message::Permit {
                    is_permitted: true,
                    ..
                }
            )
        };
        self.lives.iter().all(Life::has_ended)
            && self.acting().next().is_none()
            && self.pending.is_empty()
            && !self.sent.iter().any(is_permit)
    }

    /// Worlds look equal that have the same future: what cannot matter any more is forgotten.
    /// That it cannot matter is a rule of the product with tests of its own; where that rule is
    /// broken on purpose, nothing is forgotten.
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
            // A task that has ended is refused to everybody; a permit may still be under way.
            Message::Permit {
                to,
                attempt,
                is_permitted,
                ..
            } => self.is_alive(to) && (is_permitted || !self.lives[attempt.task].has_ended()),
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
            Message::Seen { task, asked, .. } => {
                let life = &self.lives[task];
                let counts = match life.stage {
                    Stage::Verifying { since, .. } | Stage::ReadingBack { since, .. } => {
                        since <= asked
                    }
                    _ => asked == self.now,
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
    /// What a worker may do from now on, until then by the clock of its host.
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

    /// It may happen at any time.
    pub fn stall(&mut self) {
        self.until = at(EVER);
    }

    /// Whoever caused it is at an end: the device does it by then, or never.
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
    /// As the product names it.
    pub fn key(self) -> TaskKey {
        TaskKey {
            task: TaskId::from_bytes([self.task as u8; 16]),
            attempt: self.number,
        }
    }

    /// From the name that the product has for it.
    pub fn of(key: TaskKey) -> Self {
        Self {
            task: usize::from(key.task.as_bytes()[0]),
            number: key.attempt,
        }
    }

    /// Its place among the attempts.
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

pub fn is_unsettled(life: &Life) -> bool {
    matches!(life.stage, Stage::Unsettled { .. })
}
