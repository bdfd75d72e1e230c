//! The ledger of control: attempts, locks, the acts of people, and reasons for waiting.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{EnvironmentId, OutcomeStatus, Priority, RanBy, TargetName, duration};
use utoipa::ToSchema;

/// An act of a person: who, when, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attribution {
    /// The name of the person.
    pub by: String,
    /// The time of the act.
    #[schema(value_type = String, format = "date-time")]
    pub at: Timestamp,
    /// The reason, in the person's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// One attempt at a control task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AttemptView {
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// The time at which the attempt was permitted.
    #[schema(value_type = String, format = "date-time")]
    pub permitted: Timestamp,
    /// The environment that was permitted to begin it.
    pub environment: EnvironmentId,
    /// The status with which it ended, if reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<OutcomeStatus>,
    /// The environment, worker and release that ran it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ran_by: Option<RanBy>,
}

/// A lock on a target: meanwhile nobody but its owner controls the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Lock {
    /// The name of the person who holds the lock.
    pub by: String,
    /// The reason that the person gave.
    pub why: String,
    /// The time at which the target was locked.
    #[schema(value_type = String, format = "date-time")]
    pub since: Timestamp,
    /// The time at which the lock ends.
    #[schema(value_type = String, format = "date-time")]
    pub until: Timestamp,
    /// The priority that the lock blocks, along with all lower ones. A task of a higher priority
    /// passes; none passes `emergency`.
    pub priority: Priority,
}

/// A locked target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LockView {
    /// The name of the target.
    pub target: TargetName,
    /// The lock: its owner, reason and end.
    pub lock: Lock,
}

/// Body of `PUT /v1/targets/{name}/lock`. Its duration is given by either `for` or `until`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLock {
    /// The reason, for others to read.
    #[schema(min_length = 1, max_length = 1000)]
    pub why: String,
    /// The duration of the lock, from now.
    #[serde(
        rename = "for",
        default,
        skip_serializing_if = "Option::is_none",
        with = "duration::option"
    )]
    #[schema(value_type = Option<String>, example = "2h")]
    pub lasts: Option<Duration>,
    /// The time at which the lock ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub until: Option<Timestamp>,
    /// The priority that the lock blocks, along with all lower ones. A task of a higher priority
    /// passes; none passes `emergency`.
    #[serde(default)]
    pub priority: Priority,
}

/// Body of the requests by which a person acts on an operation, a task or a lock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// A reason for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub why: Option<String>,
}

/// Body of `POST /v1/tasks/{id}/settle`: the outcome that a person has established.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settle {
    /// The outcome of the task.
    pub verdict: Verdict,
    /// The way in which it was established, for the record.
    #[schema(min_length = 1, max_length = 1000)]
    pub why: String,
}

/// The outcome of a task as a person settles it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = TaskVerdict)]
pub enum Verdict {
    /// The target did it.
    Succeeded,
    /// The target did not do it, and must not be sent the command again.
    Failed,
    /// Make another attempt.
    Again,
}

/// The reason why a task or an operation waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// A code for programs: `lock`, `held`, `turn`, `approval`, `no-worker`, `order`, `full`,
    /// `breaker`, `running`, `fence`, `read-back`, `person`, `ended`, ...
    pub waits_for: String,
    /// The present situation, in a line.
    pub says: String,
    /// The time since which it has waited for this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub since: Option<Timestamp>,
    /// The latest time at which the wait ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub until: Option<Timestamp>,
    /// The cure: who can change the situation, and how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}
