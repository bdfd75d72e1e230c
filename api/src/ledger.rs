//! What the ledger of control shows: attempts, locks, who said what, what is waited for.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{EnvironmentId, OutcomeStatus, Priority, RanBy, TargetName, duration};
use utoipa::ToSchema;

/// A person's act: by whom, when, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attribution {
    /// The person.
    pub by: String,
    /// The time.
    #[schema(value_type = String, format = "date-time")]
    pub at: Timestamp,
    /// The reason, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// One attempt at a control task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AttemptView {
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// The time it was permitted.
    #[schema(value_type = String, format = "date-time")]
    pub permitted: Timestamp,
    /// To which environment.
    pub environment: EnvironmentId,
    /// The status with which it ended, as far as that was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<OutcomeStatus>,
    /// The environment, worker and release that ran it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ran_by: Option<RanBy>,
}

/// A target that a person keeps for himself: nobody else controls it meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Lock {
    /// The person.
    pub by: String,
    /// The reason.
    pub why: String,
    /// Since when.
    #[schema(value_type = String, format = "date-time")]
    pub since: Timestamp,
    /// Until when.
    #[schema(value_type = String, format = "date-time")]
    pub until: Timestamp,
    /// Tasks of a higher priority pass it: none passes `emergency`.
    pub priority: Priority,
}

/// A locked target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LockView {
    /// The target.
    pub target: TargetName,
    /// By whom, why and until when.
    pub lock: Lock,
}

/// Body of `PUT /v1/targets/{name}/lock`: either `for` or `until` says how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLock {
    /// The reason: others will want to know.
    #[schema(min_length = 1, max_length = 1000)]
    pub why: String,
    /// For how long from now on.
    #[serde(
        rename = "for",
        default,
        skip_serializing_if = "Option::is_none",
        with = "duration::option"
    )]
    #[schema(value_type = Option<String>, example = "2h")]
    pub lasts: Option<Duration>,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub until: Option<Timestamp>,
    /// Tasks of a higher priority pass it: none passes `emergency`.
    #[serde(default)]
    pub priority: Priority,
}

/// Body of what a person does with an operation, a task or a lock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// The reason, for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub why: Option<String>,
}

/// Body of `POST /v1/tasks/{id}/settle`: what a person found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settle {
    /// The end of the task.
    pub verdict: Verdict,
    /// The way that was found out, for the record.
    #[schema(min_length = 1, max_length = 1000)]
    pub why: String,
}

/// The end of a task, as a person settles it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = TaskVerdict)]
pub enum Verdict {
    /// The target did it.
    Succeeded,
    /// It did not, and is not to be told again.
    Failed,
    /// It is to be told again.
    Again,
}

/// The reasons a task or an operation waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// A word for programs: `lock`, `held`, `turn`, `approval`, `no-worker`, `order`, `full`,
    /// `breaker`, `running`, `fence`, `read-back`, `person`, `ended`, ...
    pub waits_for: String,
    /// The state of things, in a line.
    pub says: String,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub since: Option<Timestamp>,
    /// Until when at the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub until: Option<Timestamp>,
    /// The cure: who can change it, and how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}
