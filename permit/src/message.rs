//! The messages of the permit: an environment asks whether it may begin an attempt; the logic
//! environment answers, and later confirms that it has recorded the outcome.
//!
//! ```text
//! environment ── Start: may I begin these? ──► logic environment
//!             ◄─ Permits: yes, within this window; or no, because ──
//!             ── Outcomes, repeated until ──►
//!             ◄─ Recorded: I have it ──
//! ```
//!
//! Any of these may be lost, duplicated, delayed or overtaken. That is harmless because a permit
//! answers one ask of one incarnation, and counts from the moment of that ask.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utakata_model::{EnvironmentId, Incarnation, Kind, TaskKey, duration};

/// A request of an environment for permits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartBatch {
    pub environment: EnvironmentId,
    /// The incarnation that asks.
    pub incarnation: Incarnation,
    pub kind: Kind,
    /// The attempts that it wants to begin.
    pub asks: Vec<Ask>,
}

/// A request to begin one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ask {
    #[serde(flatten)]
    pub key: TaskKey,
    /// The number of the ask. Each delivery of an attempt has its own, never reused within an
    /// incarnation. An ask that is repeated for want of an answer keeps its number.
    pub ask: u64,
}

/// The answers of the logic environment to one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermitBatch {
    pub environment: EnvironmentId,
    /// The incarnation that asked; any other ignores the answers.
    pub incarnation: Incarnation,
    pub kind: Kind,
    pub answers: Vec<Answer>,
}

/// The answer to one ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    #[serde(flatten)]
    pub ask: Ask,
    pub verdict: Verdict,
}

/// The verdict on an attempt that wants to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It may begin, within this time after the ask was first sent.
    Permitted(#[serde(with = "duration")] Duration),
    /// It may not begin: the delivery is void.
    Refused(Refused),
}

/// The reason why an attempt may not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Refused {
    /// The ledger has no such task.
    Foreign,
    /// It is not this attempt's turn: it is older or later than the current one.
    Superseded,
    /// Another environment, incarnation or ask holds the permit.
    Taken,
    /// It has ended, was cancelled, or expired.
    Ended,
    /// It was recalled: it waits in the ledger because of a pause, a lock or a more urgent task.
    Recalled,
}

/// A confirmation that outcomes are recorded and need not be repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedBatch {
    pub environment: EnvironmentId,
    /// The incarnation that published them.
    pub incarnation: Incarnation,
    pub kind: Kind,
    pub attempts: Vec<Recorded>,
}

/// A recorded outcome of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Recorded {
    #[serde(flatten)]
    pub key: TaskKey,
    /// The number of the ask under which it was reported. There may be another outcome of the same
    /// attempt under another ask, which this does not confirm. Absent if it was reported without a
    /// permit, and from logic environments that do not send it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<u64>,
}
