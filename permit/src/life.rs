//! The life of one control task: pure, so that every order of events can be tried.
//!
//! ```text
//!            publish            ask                 succeeded             read back
//! planned ──────────► queued ─────────► permitted ─────────────► verifying ──────► succeeded
//!    ▲  ▲               │ recall           │  │ failed, cancelled     │ unverified  or failed
//!    │  └───────────────┘                  │  └──────────────────────────────────► failed ...
//!    │                                     │ unknown, or nothing heard
//!    │                                     ▼
//!    │ attempt + 1: repeatable,         unknown: fenced ─► reading back ──────────► succeeded
//!    └─ or proof that nothing ◄───────────────────────────────┤                    or failed
//!       happened                                              ▼
//!                                                 unsettled: a person says
//! ```
//!
//! Three rules make that nothing is done twice:
//!
//! 1. An attempt is permitted at most once: to one ask of one incarnation ([`Holder`]).
//! 2. There is a later attempt only when the time of this one is over (`fenced` is over), and only
//!    if repeating does no harm, or it is proven that nothing has happened and that nobody acts on
//!    it any more (`is_over`). That time is over is no such proof: who has the permit may have
//!    stood still, and go on.
//! 3. What comes from anybody but the holder of the current attempt changes nothing.
//!
//! And two that nothing false is told:
//!
//! 4. As long as an earlier attempt may have done it (`is_in_doubt`), nobody but the target
//!    when it is read back, or a person, can say that it was not done.
//! 5. That an effect is not seen proves nothing, however long it is looked for, unless the action
//!    says so (`proves = "both"`), and then only of a target that was asked when it must have
//!    shown it. What it does not prove is `unverified`: a person says. What was asked before the
//!    stage says nothing at all.
//! 6. What must pass through a state is done when it was seen after that state, and not before.

mod next;
mod on;
mod outcome;
mod read_back;
mod restore;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utakata_model::{
    EnvironmentId, Incarnation, OutcomeStatus, TaskState,
    manifest::{Proves, Repeat},
};

use crate::{Evidence, message::Verdict};

pub use restore::Saved;

/// What is fixed about a task: what its action declares, and the times of the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Whether doing it twice does no harm.
    pub repeat: Repeat,
    /// How it is read back, if it can be.
    pub read_back: Option<ReadBack>,
    /// How long a permit is good, counted by the environment from its first ask.
    pub window: Duration,
    /// How long the holder of a permit may act, counted from the permit: the window, the
    /// timeout of the action, and the time that its end may take.
    pub acts_for: Duration,
    /// How long a target may take to show what an attempt did that has ended.
    pub settling: Duration,
    /// A read-back that gets no answer is tried for so long.
    pub read_back_within: Duration,
    /// A task that nobody asks for is published again after this, then after twice as long.
    pub publish_again: Duration,
    /// How many attempts are made without a person.
    pub max_attempts: u32,
}

/// How an effect is read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReadBack {
    /// What the value proves.
    pub proves: Proves,
    /// How long the target takes to show the effect.
    pub within: Duration,
    /// How much longer it is looked for.
    pub grace: Duration,
    /// Whether the effect counts only after what the target must pass through.
    pub is_through: bool,
}

/// Who has the permit of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Holder {
    /// The environment.
    pub environment: EnvironmentId,
    /// Its life.
    pub incarnation: Incarnation,
    /// The number of its ask.
    pub ask: u64,
}

/// Where a task stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Life {
    /// Which try at it this is, from 1.
    pub attempt: u32,
    /// It is not permitted after this.
    pub expires: Instant,
    /// Whether somebody took it back: no further attempt is made.
    pub is_cancelled: bool,
    /// Whether an earlier attempt may have done it.
    pub is_in_doubt: bool,
    /// Whether it is proven that nobody acts on the current attempt any more: whoever had it has
    /// said so, or is seen to be gone. Without it that is presumed, from its deadline on.
    pub is_over: bool,
    /// Where the attempt stands.
    pub stage: Stage,
}

/// Where an attempt stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Stage {
    /// It waits in the ledger.
    Planned,
    /// It was published.
    Queued {
        /// When it is published again.
        again: Instant,
        /// How often it was published.
        times: u32,
    },
    /// Somebody may do it.
    Permitted {
        /// Who.
        holder: Holder,
        /// Nobody acts on it after this.
        acts_until: Instant,
    },
    /// The target says that it did it; that is read back.
    Verifying {
        /// Who did it.
        holder: Holder,
        /// What is asked from then on counts.
        since: Instant,
        /// Something else than the effect ends the looking if it was asked from then on.
        shows_from: Instant,
        /// Until when an answer of the target is waited for.
        until: Instant,
        /// What it showed last.
        shown: Evidence,
        /// When it had answered with what it must pass through: the effect counts if it was
        /// asked from then on.
        passed: Option<Instant>,
    },
    /// Nobody knows, and the attempt may still act, or the target still show what it did.
    Fenced {
        /// Who has, or had, the permit.
        holder: Holder,
        /// Until when.
        until: Instant,
    },
    /// Nobody knows, nobody acts any more; the target is read back.
    ReadingBack {
        /// Who had the permit.
        holder: Holder,
        /// What is asked from then on counts: nobody acts any more.
        since: Instant,
        /// Until when an answer of the target is waited for.
        until: Instant,
    },
    /// Nobody knows, and a person has to say.
    Unsettled {
        /// Who had the permit of the current attempt, if anybody had.
        holder: Option<Holder>,
    },
    /// Nothing more comes.
    Ended(End),
}

/// How a task ended, and what told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct End {
    /// How.
    pub how: How,
    /// What told it.
    pub by: By,
}

/// How a task ended: never unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// The target did it.
    Succeeded,
    /// The target did not do it.
    Failed,
    /// It was not begun in time.
    Expired,
    /// It was taken back before it took effect.
    Cancelled,
}

/// What told how a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// The outcome of the attempt.
    Outcome,
    /// The outcome, and the target when it was read back.
    ReadBack,
    /// The outcome alone, where the target was to be read back and could not be: of tasks of
    /// before such ones were left to a person.
    Unverified,
    /// The clock.
    Time,
    /// A person.
    Person,
    /// Somebody who took it back.
    Cancel,
}

/// What happens to a task.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    /// It is its turn: publish it.
    Release,
    /// It is not its turn any more, if nobody has begun it.
    Recall,
    /// Somebody asks whether it may begin this attempt.
    Ask {
        /// The attempt.
        attempt: u32,
        /// Who.
        holder: Holder,
    },
    /// The outcome of an attempt.
    Outcome {
        /// The attempt.
        attempt: u32,
        /// Under which permit it ran; absent: under none, it was not begun.
        holder: Option<Holder>,
        /// How it ended. `expired` under a permit: it was not begun within the window.
        status: OutcomeStatus,
        /// Of an unknown one: whether its end was seen.
        is_over: bool,
    },
    /// This life of an environment is over.
    Gone {
        /// The life.
        incarnation: Incarnation,
    },
    /// Nothing of this life of an environment runs any more, none of its workers either.
    Over {
        /// The life.
        incarnation: Incarnation,
    },
    /// The target was read back.
    Observed(Observation),
    /// A person says what became of it.
    Settle(Settlement),
    /// Somebody takes it back.
    Cancel,
    /// Time has passed.
    Tick,
}

/// One look at a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Observation {
    /// When it was asked.
    pub asked: Instant,
    /// When it had answered.
    pub answered: Instant,
    /// What it showed.
    pub evidence: Evidence,
}

/// What a person says of a task that nobody else can tell of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Settlement {
    /// The target did it.
    Succeeded,
    /// The target did not do it, and is not to be told again.
    Failed,
    /// Try again, not later than this.
    Again {
        /// Not later than this.
        expires: Instant,
    },
}

/// What is to be done because of it, once it is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Publish the attempt.
    Publish,
    /// Answer the ask.
    Answer(Verdict),
    /// Read the target back, and say what was [`Event::Observed`], again and again until the stage
    /// or its deadline is over: a first answer can be too early to prove anything.
    ReadBack,
}

/// Why a person cannot settle a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotNow {
    /// Its state is known.
    Known,
    /// The attempt may still act.
    MayAct {
        /// Until when.
        until: Instant,
    },
}

impl Life {
    /// A task that waits.
    pub fn new(expires: Instant) -> Self {
        Self {
            attempt: 1,
            expires,
            is_cancelled: false,
            is_in_doubt: false,
            is_over: false,
            stage: Stage::Planned,
        }
    }

    /// The state, in one word.
    pub fn state(&self) -> TaskState {
        match &self.stage {
            Stage::Planned => TaskState::Planned,
            Stage::Queued { .. } => TaskState::Queued,
            Stage::Permitted { .. } => TaskState::Permitted,
            Stage::Verifying { .. } => TaskState::Verifying,
            Stage::Fenced { .. } | Stage::ReadingBack { .. } => TaskState::Unknown,
            Stage::Unsettled { .. } => TaskState::Unsettled,
            Stage::Ended(end) => end.how.into(),
        }
    }

    /// Whether its attempt holds the target: nobody else may write it.
    pub fn holds(&self) -> bool {
        matches!(
            self.stage,
            Stage::Permitted { .. }
                | Stage::Verifying { .. }
                | Stage::Fenced { .. }
                | Stage::ReadingBack { .. }
        )
    }

    /// Whether nothing more comes.
    pub fn has_ended(&self) -> bool {
        matches!(self.stage, Stage::Ended(_))
    }

    /// Who has, or had, the permit of the current attempt.
    pub fn holder(&self) -> Option<&Holder> {
        match &self.stage {
            Stage::Permitted { holder, .. }
            | Stage::Verifying { holder, .. }
            | Stage::Fenced { holder, .. }
            | Stage::ReadingBack { holder, .. } => Some(holder),
            Stage::Unsettled { holder } => holder.as_ref(),
            Stage::Planned | Stage::Queued { .. } | Stage::Ended(_) => None,
        }
    }

    /// When time alone changes something.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Planned => Some(self.expires),
            Stage::Queued { again, .. } => Some(self.expires.min(*again)),
            Stage::Permitted { acts_until, .. } => Some(*acts_until),
            Stage::Verifying { until, .. }
            | Stage::Fenced { until, .. }
            | Stage::ReadingBack { until, .. } => Some(*until),
            Stage::Unsettled { .. } | Stage::Ended(_) => None,
        }
    }

    /// Whether a person may settle it.
    ///
    /// # Errors
    /// Why not, now.
    pub fn may_settle(&self) -> Result<(), NotNow> {
        match self.stage {
            Stage::ReadingBack { .. } | Stage::Unsettled { .. } => Ok(()),
            Stage::Fenced { until, .. } => Err(NotNow::MayAct { until }),
            Stage::Permitted { acts_until, .. } => Err(NotNow::MayAct { until: acts_until }),
            _ => Err(NotNow::Known),
        }
    }
}

impl Rule {
    /// How long after an outcome its effect is looked for.
    fn looks_for(&self) -> Duration {
        let read_back = self.read_back.as_ref();
        let within = read_back.map(|read_back| read_back.within);
        let grace = read_back.map(|read_back| read_back.grace);
        let looked_for = within.unwrap_or_default() + grace.unwrap_or_default();
        looked_for.max(self.settling)
    }

    /// Whether the effect counts only after what the target must pass through.
    pub fn is_through(&self) -> bool {
        self.read_back.is_some_and(|read_back| read_back.is_through)
    }

    fn proves_effect(&self) -> bool {
        let proves = self.read_back.map(|read_back| read_back.proves);
        matches!(proves, Some(Proves::Effect | Proves::Both))
    }

    fn proves_absence(&self) -> bool {
        self.read_back.map(|read_back| read_back.proves) == Some(Proves::Both)
    }

    /// When nobody acts any more, and the target shows what was done, counted from the permit.
    fn fenced_for(&self) -> Duration {
        self.acts_for + self.settling
    }
}

impl From<How> for TaskState {
    fn from(how: How) -> Self {
        match how {
            How::Succeeded => Self::Succeeded,
            How::Failed => Self::Failed,
            How::Expired => Self::Expired,
            How::Cancelled => Self::Cancelled,
        }
    }
}

fn ended(how: How, by: By) -> Stage {
    Stage::Ended(End { how, by })
}

#[cfg(test)]
mod tests;
