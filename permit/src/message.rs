//! The permit of control: an environment asks whether it may begin an attempt, the logic
//! environment answers, and says when it has written down what came of it.
//!
//! ```text
//! environment ── Start: may I begin these? ──► logic environment
//!             ◄─ Permits: you may, within this window; or not, because ──
//!             ── Outcomes, again and again until ──►
//!             ◄─ Recorded: I have it ──
//! ```
//!
//! Any of these may be lost, doubled, delayed or overtaken. What keeps that harmless: a permit
//! answers one ask of one incarnation, and is counted from the moment of that ask.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utakata_model::{EnvironmentId, Incarnation, Kind, TaskKey, duration};

/// An environment asks for permits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartBatch {
    /// The environment that asks.
    pub environment: EnvironmentId,
    /// In which life.
    pub incarnation: Incarnation,
    /// The kind of the targets.
    pub kind: Kind,
    /// For what.
    pub asks: Vec<Ask>,
}

/// May this attempt begin?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ask {
    /// The attempt.
    #[serde(flatten)]
    pub key: TaskKey,
    /// The number of the ask: another one for each delivery of the attempt, and never used
    /// twice in one life of the environment. An ask that is repeated, because no answer came,
    /// keeps its number.
    pub ask: u64,
}

/// The logic environment answers asks of one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermitBatch {
    /// The environment that had asked.
    pub environment: EnvironmentId,
    /// In which life: any other ignores it.
    pub incarnation: Incarnation,
    /// The kind of the targets.
    pub kind: Kind,
    /// The answers.
    pub answers: Vec<Answer>,
}

/// The answer to one ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The ask.
    #[serde(flatten)]
    pub ask: Ask,
    /// The verdict.
    pub verdict: Verdict,
}

/// A verdict on an attempt that wants to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It may, but not later than this after the ask was made for the first time.
    Permitted(#[serde(with = "duration")] Duration),
    /// It may not: the delivery is void.
    Refused(Refused),
}

/// The reason for which an attempt may not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Refused {
    /// The ledger has no such task.
    Foreign,
    /// It is not this attempt's turn: an older or a later one than the current.
    Superseded,
    /// Another environment, another life of it or another ask of it has the permit.
    Taken,
    /// It has ended, was cancelled, or expired.
    Ended,
    /// It was called back: it waits in the ledger for a pause, a lock or somebody more urgent.
    Recalled,
}

/// The logic environment has written these outcomes down: they need not be repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedBatch {
    /// The environment that published them.
    pub environment: EnvironmentId,
    /// In which life.
    pub incarnation: Incarnation,
    /// The kind of the targets.
    pub kind: Kind,
    /// The attempts.
    pub attempts: Vec<Recorded>,
}

/// An outcome of an attempt is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Recorded {
    /// The attempt.
    #[serde(flatten)]
    pub key: TaskKey,
    /// The number of the ask under which it was told: there may be an outcome of the same
    /// attempt under another one, which is not written down by this. Absent where it was told
    /// without a permit, and from a logic environment that does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<u64>,
}
