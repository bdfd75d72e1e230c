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

/// The fixed rules of a task: the declarations of its action, and the times of the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rule {
    /// The harm of doing it twice, or none.
    pub repeat: Repeat,
    /// The way to read it back, if there is one.
    pub read_back: Option<ReadBack>,
    /// The time for which a permit is good, counted by the environment from its first ask.
    pub window: Duration,
    /// The time for which the holder of a permit may act, counted from the permit: the window, the
    /// timeout of the action, and the time that its end may take.
    pub acts_for: Duration,
    /// The time that a target may take to show what an attempt did that has ended.
    pub settling: Duration,
    /// A read-back that gets no answer is tried for so long.
    pub read_back_within: Duration,
    /// A task that nobody asks for is published again after this, then after twice as long.
    pub publish_again: Duration,
    /// The number of attempts that are made without a person.
    pub max_attempts: u32,
}

/// The way to read an effect back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReadBack {
    /// The proof that the value is.
    pub proves: Proves,
    /// The time that the target takes to show the effect.
    pub within: Duration,
    /// The additional time for which it is looked for.
    pub grace: Duration,
    /// True if the effect counts only after a state that the target must pass through.
    pub is_through: bool,
}

/// The holder of the permit of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Holder {
    /// The environment.
    pub environment: EnvironmentId,
    /// Its life.
    pub incarnation: Incarnation,
    /// The number of its ask.
    pub ask: u64,
}

/// The life of a task.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Life {
    /// The number of the current attempt, from 1.
    pub attempt: u32,
    /// It is not permitted after this.
    pub expires: Instant,
    /// True if somebody took it back: no further attempt is made.
    pub is_cancelled: bool,
    /// True if an earlier attempt may have done it.
    pub is_in_doubt: bool,
    /// True if it is proven that nobody acts on the current attempt any more: whoever had it has
    /// said so, or is seen to be gone. Without it that is presumed, from its deadline on.
    pub is_over: bool,
    /// The stage of the current attempt.
    pub stage: Stage,
}

/// The stage of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Stage {
    /// It waits in the ledger.
    Planned,
    /// It was published.
    Queued {
        /// The time at which it is published again.
        again: Instant,
        /// The number of times that it was published.
        times: u32,
    },
    /// Somebody may do it.
    Permitted {
        /// The holder.
        holder: Holder,
        /// Nobody acts on it after this.
        acts_until: Instant,
    },
    /// The target says that it did it; that is read back.
    Verifying {
        /// The holder that did it.
        holder: Holder,
        /// The time from which on a look counts.
        since: Instant,
        /// Something else than the effect ends the looking if it was asked from then on.
        shows_from: Instant,
        /// Until when an answer of the target is waited for.
        until: Instant,
        /// The evidence of the last look.
        shown: Evidence,
        /// The time at which it had answered with what it must pass through: the effect counts if
        /// it was asked from then on.
        passed: Option<Instant>,
    },
    /// Nobody knows, and the attempt may still act, or the target still show what it did.
    Fenced {
        /// The holder of the permit, or the last one.
        holder: Holder,
        /// Until when.
        until: Instant,
    },
    /// Nobody knows, nobody acts any more; the target is read back.
    ReadingBack {
        /// The last holder of the permit.
        holder: Holder,
        /// The time from which on a look counts: nobody acts any more.
        since: Instant,
        /// Until when an answer of the target is waited for.
        until: Instant,
    },
    /// Nobody knows, and a person has to say.
    Unsettled {
        /// The last holder of the permit of the current attempt, if there was one.
        holder: Option<Holder>,
    },
    /// Nothing more comes.
    Ended(End),
}

/// The end of a task, and the source that told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct End {
    /// The end.
    pub how: How,
    /// The source.
    pub by: By,
}

/// The end of a task: never unknown.
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

/// The source that told how a task ended.
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

/// An event in the life of a task.
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
        /// The holder.
        holder: Holder,
    },
    /// The outcome of an attempt.
    Outcome {
        /// The attempt.
        attempt: u32,
        /// Under which permit it ran; absent: under none, it was not begun.
        holder: Option<Holder>,
        /// The end of it. `expired` under a permit: it was not begun within the window.
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
    /// The time at which it was asked.
    pub asked: Instant,
    /// The time at which it had answered.
    pub answered: Instant,
    /// The evidence.
    pub evidence: Evidence,
}

/// The verdict of a person about a task that nobody else can tell of.
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

/// An action to take because of an event, once it is written down.
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

/// The reason for which a person cannot settle a task.
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

    /// Returns true if its attempt holds the target: nobody else may write it.
    pub fn holds(&self) -> bool {
        matches!(
            self.stage,
            Stage::Permitted { .. }
                | Stage::Verifying { .. }
                | Stage::Fenced { .. }
                | Stage::ReadingBack { .. }
        )
    }

    /// Returns true if nothing more comes.
    pub fn has_ended(&self) -> bool {
        matches!(self.stage, Stage::Ended(_))
    }

    /// Returns the holder of the permit of the current attempt, or the last one.
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

    /// Returns the time at which time alone changes something.
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

    /// Checks that a person may settle it.
    ///
    /// # Errors
    /// It cannot be settled now.
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
    /// Returns how long after an outcome its effect is looked for.
    fn looks_for(&self) -> Duration {
        let looked_for = self
            .read_back
            .map(|read_back| read_back.within + read_back.grace);
        looked_for.map_or(self.settling, |looked_for| looked_for.max(self.settling))
    }

    /// True if the effect counts only after a state that the target must pass through.
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

    /// Returns the time after which nobody acts any more, and the target shows what was done,
    /// counted from the permit.
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
