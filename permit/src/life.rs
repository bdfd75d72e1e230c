//! The life of one control task. Pure, so that every order of events can be tested.
//!
//! ```text
//!            publish            ask                 succeeded             read back
//! planned ──────────► queued ─────────► permitted ─────────────► verifying ──────► succeeded
//!    ▲  ▲               │ recall           │  │ failed, cancelled     │ unverified  or failed
//!    │  └───────────────┘                  │  └──────────────────────────────────► failed ...
//!    │                                     │ unknown, or no news
//!    │                                     ▼
//!    │ attempt + 1: repeatable,         unknown: fenced ─► reading back ──────────► succeeded
//!    └─ or proof that nothing ◄───────────────────────────────┤                    or failed
//!       happened                                              ▼
//!                                                 unsettled: a person decides, or the target,
//!                                                 if it could not be asked before, and nobody has
//!                                                 acted on it since ────────► succeeded or failed
//! ```
//!
//! Three rules keep anything from being done twice:
//!
//! 1. An attempt is permitted at most once: to one ask of one incarnation ([`Holder`]).
//! 2. A later attempt begins only when the time of this one is over (`fenced` has passed), and only
//!    if repeating does no harm, or if it is proven that nothing has happened and that nobody acts
//!    on it any more (`is_over`). The passing of time is no such proof: the holder of the permit
//!    may have stalled, and may resume.
//! 3. Messages from anybody but the holder of the current attempt change nothing.
//!
//! Four more keep anything false from being reported:
//!
//! 4. As long as an earlier attempt may have taken effect (`is_in_doubt`), only the target itself,
//!    when read back, or a person can establish that it did not.
//! 5. Not seeing an effect proves nothing, however long it is looked for, unless the action says
//!    so (`proves = "both"`), and then only if the target was asked at a time when it must have
//!    shown it. Anything less is `unverified`, and a person decides. An observation from before
//!    the stage proves nothing at all.
//! 6. What a target shows late, after its task was left to a person, ends the task or changes
//!    nothing: it never leads to another attempt, and proves nothing once another attempt at that
//!    target was permitted ([`Late`]).
//! 7. An action that must pass through a state is done when the effect was seen after that state.

mod late;
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

pub use late::{Late, SavedLate};
pub use restore::Saved;

/// The fixed rules of a task: the declarations of its action, and the times of the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rule {
    /// The harm in doing it twice, if any.
    pub repeat: Repeat,
    /// The way to read it back, if there is one.
    pub read_back: Option<ReadBack>,
    /// The time for which a permit is good, counted by the environment from its first ask; less if
    /// the task expires before.
    pub window: Duration,
    /// The time for which the holder of a permit may act, counted from the permit: the window, plus
    /// the timeout of the action, plus the time that ending it may take.
    pub acts_for: Duration,
    /// The time that a target may take to show the effect of an attempt that has ended.
    pub settling: Duration,
    /// The time for which a read-back without an answer is retried.
    pub read_back_within: Duration,
    /// The time for which a target that could not be asked until then is still read back, although a
    /// person may settle the task, and the interval between two attempts at it.
    pub late_within: Duration,
    pub late_every: Duration,
    /// The time after which a task that nobody has asked for is published again. It doubles each
    /// time.
    pub publish_again: Duration,
    /// The number of attempts made before a person has to decide.
    pub max_attempts: u32,
}

/// The way to read an effect back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReadBack {
    /// The conclusion that the value allows.
    pub proves: Proves,
    /// The time that the target takes to show the effect.
    pub within: Duration,
    /// The additional time for which the effect is looked for.
    pub grace: Duration,
    /// True if the effect counts only after a state that the target must pass through.
    pub is_through: bool,
}

/// The holder of the permit of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Holder {
    pub environment: EnvironmentId,
    /// The incarnation of that environment.
    pub incarnation: Incarnation,
    pub ask: u64,
}

/// The life of a control task: its current attempt, and what is known about the earlier ones.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Life {
    /// The number of the current attempt, from 1.
    pub attempt: u32,
    /// The time after which no attempt is permitted, and none begins.
    pub expires: Instant,
    /// True if it was cancelled: no further attempt is made.
    pub is_cancelled: bool,
    /// True if an earlier attempt may have taken effect.
    pub is_in_doubt: bool,
    /// True if it is proven that nobody acts on the current attempt any more: its holder has said
    /// so, or is known to be gone. Without proof, this is only presumed once the deadline has
    /// passed.
    pub is_over: bool,
    pub stage: Stage,
}

/// The stage of the current attempt. See the diagram at the top of this module.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Stage {
    /// It waits in the ledger for its turn.
    Planned,
    /// It was published, and nobody has a permit yet.
    Queued {
        /// The time at which it is published again.
        again: Instant,
        /// The number of times it has been published.
        times: u32,
    },
    /// An environment holds the permit and may act.
    Permitted {
        holder: Holder,
        /// The time after which nobody acts on it any more.
        acts_until: Instant,
    },
    /// The outcome says that it succeeded; the target is read back to confirm.
    Verifying {
        /// The holder that reported the success.
        holder: Holder,
        /// The time from which an observation counts.
        since: Instant,
        /// The time from which a state other than the effect ends the verification.
        shows_from: Instant,
        /// The deadline for an answer of the target.
        until: Instant,
        /// The evidence of the latest observation.
        shown: Evidence,
        /// The time at which the target had shown the state that it must pass through: the effect
        /// counts only if the target was asked after that.
        passed: Option<Instant>,
    },
    /// The outcome is unknown. The attempt may still act, or the target may still be about to show
    /// what it did.
    Fenced {
        /// The current or last holder of the permit.
        holder: Holder,
        /// The time at which the fence is lifted.
        until: Instant,
    },
    /// The outcome is unknown and nobody acts any more; the target is read back.
    ReadingBack {
        /// The last holder of the permit.
        holder: Holder,
        /// The time from which an observation counts: nobody acts after it.
        since: Instant,
        /// The deadline for an answer of the target.
        until: Instant,
    },
    /// The outcome is unknown, and a person has to decide.
    Unsettled {
        /// The last holder of the permit of the current attempt, if there was one.
        holder: Option<Holder>,
        /// Present as long as the target may still settle it.
        late: Option<Late>,
    },
    /// The task is over.
    Ended(End),
}

/// The end of a task, and who established it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct End {
    pub how: How,
    pub by: By,
}

/// The end of a task. Never unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// The target did it.
    Succeeded,
    /// The target did not do it.
    Failed,
    /// No attempt was begun before it expired.
    Expired,
    /// It was cancelled before it took effect.
    Cancelled,
}

/// The source that established the end of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// The outcome of the attempt.
    Outcome,
    /// The outcome, confirmed by reading the target back.
    ReadBack,
    /// The outcome alone, although a read-back was required and impossible. Only found on tasks
    /// recorded before such cases were left to a person.
    Unverified,
    /// The passing of time.
    Time,
    /// A person who settled the task.
    Person,
    /// A cancellation.
    Cancel,
}

/// An event in the life of a task.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    /// Its turn has come: publish it.
    Release,
    /// Its turn is over, unless somebody has begun it.
    Recall,
    /// An environment asks for a permit.
    Ask { attempt: u32, holder: Holder },
    /// An environment reports the outcome of an attempt.
    Outcome {
        attempt: u32,
        /// The permit under which the attempt ran. Absent if it ran under none, that is, was not
        /// begun.
        holder: Option<Holder>,
        /// The status reported. `expired` under a permit means that the attempt was not begun
        /// within the window.
        status: OutcomeStatus,
        /// True if an attempt of unknown outcome was seen to end.
        is_over: bool,
    },
    /// An incarnation of an environment appears to be gone.
    Gone { incarnation: Incarnation },
    /// Nothing of an incarnation runs any more, including its workers. Unlike [`Event::Gone`], this
    /// is proof.
    Over { incarnation: Incarnation },
    /// The target was read back.
    Observed(Observation),
    /// Another attempt at its target was permitted: from now on the target may show the work of
    /// that one.
    Overtaken,
    /// A person states the outcome.
    Settle(Settlement),
    /// A person or a client cancels the task.
    Cancel,
    /// Time has passed.
    Tick,
}

/// A single observation of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Observation {
    /// The time at which the target was asked.
    pub requested: Instant,
    /// The time at which its answer had arrived.
    pub answered: Instant,
    pub evidence: Evidence,
}

/// A person's verdict on a task whose outcome nothing else can establish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Settlement {
    /// The target did it.
    Succeeded,
    /// The target did not do it, and must not be sent the command again.
    Failed,
    /// Make another attempt.
    Again {
        /// The time after which it is no longer permitted.
        expires: Instant,
    },
}

/// An action that follows from an event, taken once the new state has been written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Publish the attempt.
    Publish,
    /// Answer the ask.
    Answer(Verdict),
    /// Read the target back and report each result as [`Event::Observed`], repeatedly, until the
    /// stage or its deadline is over: a first answer may be too early to prove anything.
    ReadBack,
}

/// The reason why a person cannot settle a task now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotNow {
    /// Its state is already known.
    Known,
    /// The attempt may still act.
    MayAct {
        /// The time after which nobody acts any more.
        until: Instant,
    },
}

impl Life {
    /// Returns a planned task before its first attempt.
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

    /// Returns the state that the API shows.
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

    /// Returns true if its attempt holds the target, so that nobody else may write to it.
    pub fn holds(&self) -> bool {
        matches!(
            self.stage,
            Stage::Permitted { .. }
                | Stage::Verifying { .. }
                | Stage::Fenced { .. }
                | Stage::ReadingBack { .. }
        )
    }

    /// Returns true if the task is over.
    pub fn has_ended(&self) -> bool {
        matches!(self.stage, Stage::Ended(_))
    }

    /// Returns the current or last holder of the permit of the current attempt.
    pub fn holder(&self) -> Option<&Holder> {
        match &self.stage {
            Stage::Permitted { holder, .. }
            | Stage::Verifying { holder, .. }
            | Stage::Fenced { holder, .. }
            | Stage::ReadingBack { holder, .. } => Some(holder),
            Stage::Unsettled { holder, .. } => holder.as_ref(),
            Stage::Planned | Stage::Queued { .. } | Stage::Ended(_) => None,
        }
    }

    /// Returns the time at which the passing of time alone changes something.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Planned => Some(self.expires),
            Stage::Queued { again, .. } => Some(self.expires.min(*again)),
            Stage::Permitted { acts_until, .. } => Some(*acts_until),
            Stage::Verifying { until, .. }
            | Stage::Fenced { until, .. }
            | Stage::ReadingBack { until, .. } => Some(*until),
            Stage::Unsettled { late, .. } => late.map(|late| late.again),
            Stage::Ended(_) => None,
        }
    }

    /// Checks that a person may settle the task now.
    ///
    /// # Errors
    /// Its state is known, or the attempt may still act.
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
    /// Returns the time after an outcome for which its effect is looked for.
    fn looks_for(&self) -> Duration {
        let looked_for = self
            .read_back
            .map(|read_back| read_back.within + read_back.grace);
        looked_for.map_or(self.settling, |looked_for| looked_for.max(self.settling))
    }

    /// Returns true if the effect counts only after a state that the target must pass through.
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

    /// Returns the time, counted from the permit, after which nobody acts any more and the target
    /// shows what was done.
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
