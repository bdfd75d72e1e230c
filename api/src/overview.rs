//! What is wrong at a site now, in an answer that stays small however large the site is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{Kind, TargetName, words};
use utoipa::ToSchema;

use crate::inventory::Health;

/// The findings now, and a count of everything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Overview {
    /// The time it was put together; it may be a second old.
    #[schema(value_type = String, format = "date-time")]
    pub time: Timestamp,
    /// The version of the program.
    pub version: String,
    /// `true` if nothing is wrong. Findings that are only worth knowing do not count.
    pub well: bool,
    /// Targets by health.
    pub targets: TargetCounts,
    /// Targets that do not answer as they should, in groups, the largest first; at most 20.
    pub failing: Vec<FailingGroup>,
    /// Targets of groups that are not listed because there are too many.
    pub failing_left_out: u64,
    /// Control tasks. Absent where the keeper of the ledger cannot be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<ControlCounts>,
    /// Environments and workers.
    pub environments: EnvironmentCounts,
    /// Everything else that is wrong or worth knowing, the worst first; at most 100.
    pub findings: Vec<Finding>,
    /// Findings that are not listed because there are too many.
    pub findings_left_out: u64,
}

/// Targets by health.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct TargetCounts {
    /// All of them.
    pub all: u64,
    /// Answered the last time, and as often as their schedules ask.
    pub answering: u64,
    /// Did not answer the last time.
    pub failing: u64,
    /// Answered the last time, but longer ago than their schedules allow.
    pub stale: u64,
    /// Answered the last time, and not all that was asked of them came.
    pub partial: u64,
    /// Answer, and nothing of them was understood beyond what every device has.
    pub not_understood: u64,
    /// Selected by no schedule: nobody knows how they are.
    pub unobserved: u64,
    /// Selected by a schedule, and not read yet.
    pub unseen: u64,
}

/// Targets of one kind that fail for one reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FailingGroup {
    /// Their kind.
    pub kind: Kind,
    /// `failing` or `stale`.
    pub health: Health,
    /// The code of the problem: `unreachable`. Of stale targets it is `stale`.
    pub code: String,
    /// The number of them.
    pub count: u64,
    /// The number of targets of the kind.
    pub of: u64,
    /// The problem of one of them, in words.
    pub says: String,
    /// The things that most of them have in common, if any: at most three values of one label.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<FailingPlace>,
    /// The number of further values of that label among them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_places: u64,
    /// Three of them.
    pub examples: Vec<TargetName>,
}

/// A value of a label that targets of a group share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailingPlace {
    /// The label, or `zone`.
    pub label: String,
    /// Its value.
    pub value: String,
    /// The number of those in the group that have it.
    pub count: u64,
    /// The number of targets that have it, of all kinds.
    pub of: u64,
}

/// Control tasks that have not ended, and operations that somebody has to do something about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct ControlCounts {
    /// Tasks that have not ended, unsettled ones included.
    pub open: u64,
    /// Tasks of which a person has to say what became of them.
    pub unsettled: u64,
    /// Operations that wait for an approval.
    pub awaiting: u64,
    /// Operations that a person has paused.
    pub paused: u64,
    /// Operations that have stopped because too many of their tasks failed.
    pub stopped: u64,
}

/// Environments, and the workers in them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct EnvironmentCounts {
    /// Environments that run.
    pub running: u64,
    /// Environments that are gone, or that were not heard of for a while.
    pub gone: u64,
    /// Workers that are ready.
    pub workers: u64,
}

/// One thing that is wrong, or worth knowing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// Its weight.
    pub weight: Weight,
    /// The kind of its subject.
    pub about: About,
    /// The subject: `environment wee-1`, `kind apc-pdu`.
    pub subject: String,
    /// The finding, in a sentence.
    pub says: String,
    /// The cure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

/// The weight of a finding.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Something does not work.
    Wrong,
    /// It works, but somebody should know.
    Notice,
}

words! {
    /// The kind of thing that a finding is about.
    #[derive(
        Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
    )]
    pub enum About {
        /// The part that outlives the process: the store.
        Store = "store",
        /// The disk that the store is on.
        Disk = "disk",
        /// A connection to a broker.
        Broker = "broker",
        /// The keeper of the ledger.
        Ledger = "ledger",
        /// A worker execution environment.
        Environment = "environment",
        /// Targets that answer, and are not read as a whole.
        Target = "target",
        /// The workers of a release.
        Worker = "worker",
        /// A kind that targets are of.
        Kind = "kind",
        /// A control task.
        Task = "task",
        /// An operation.
        Operation = "operation",
        /// A schedule.
        Schedule = "schedule",
        /// A rollout.
        Rollout = "rollout",
        /// Something that a person has paused or drained.
        Order = "order",
        /// Anything else that the server says.
        Server = "server",
    }
}

impl TargetCounts {
    /// One more.
    pub fn count(&mut self, health: Health) {
        self.all += 1;
        match health {
            Health::Answering => self.answering += 1,
            Health::Failing => self.failing += 1,
            Health::Stale => self.stale += 1,
            Health::Partial => self.partial += 1,
            Health::NotUnderstood => self.not_understood += 1,
            Health::Unobserved => self.unobserved += 1,
            Health::Unseen => self.unseen += 1,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}
