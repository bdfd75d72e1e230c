//! The overview of a site: what is wrong now, in an answer that stays small however large the site
//! is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{Kind, TargetName, words};
use utoipa::ToSchema;

use crate::{alarm::AlarmCounts, inventory::Health};

/// The present findings, and counts of everything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Overview {
    /// The time at which the overview was compiled. It may be a second old, and is
    /// never older than a change that was requested and answered.
    #[schema(value_type = String, format = "date-time")]
    pub time: Timestamp,
    /// The version of the program.
    pub version: String,
    /// `true` if nothing is wrong. Notices do not count.
    pub well: bool,
    /// The numbers of targets by health.
    pub targets: TargetCounts,
    /// Groups of targets that do not answer as they should, the largest first; at most 20.
    pub failing: Vec<FailingGroup>,
    /// The number of targets in groups that did not fit in the list.
    pub failing_left_out: u64,
    /// The counts of control tasks. Absent if the keeper of the ledger cannot be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<ControlCounts>,
    /// The numbers of alarms. Absent where they are kept elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarms: Option<AlarmCounts>,
    /// The numbers of environments and workers.
    pub environments: EnvironmentCounts,
    /// All other findings, the worst first; at most 100.
    pub findings: Vec<Finding>,
    /// The number of findings that did not fit in the list.
    pub findings_left_out: u64,
}

/// The numbers of targets by health.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct TargetCounts {
    /// The number of all targets.
    pub all: u64,
    /// The number of those that answered the last read, as frequently as their schedules demand.
    pub answering: u64,
    /// The number of those that did not answer the last read.
    pub failing: u64,
    /// The number of those that answered the last read, but longer ago than their schedules allow.
    pub stale: u64,
    /// The number of those that answered the last read, but not with everything that was requested.
    pub partial: u64,
    /// The number of those that answer, but of which nothing was understood beyond what every
    /// device has.
    pub not_understood: u64,
    /// The number of those that no schedule selects, so that their health is unknown.
    pub unobserved: u64,
    /// The number of those that a schedule selects, but that have not been read yet.
    pub unseen: u64,
}

/// Targets of one kind that fail for the same reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FailingGroup {
    /// The kind of the targets.
    pub kind: Kind,
    /// The health that they share: `failing` or `stale`.
    pub health: Health,
    /// The code of the problem, such as `unreachable`; `stale` for stale targets.
    pub code: String,
    /// The number of targets in the group.
    pub count: u64,
    /// The number of all targets of the kind.
    pub of: u64,
    /// The problem of one of them, in words.
    pub says: String,
    /// The label values that most of them share, if any: at most three values of one label.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<FailingPlace>,
    /// The number of further values of that label among them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_places: u64,
    /// The names of three of them.
    pub examples: Vec<TargetName>,
}

/// A label value that targets of a group share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailingPlace {
    /// The key of the label, or `zone`.
    pub label: String,
    /// The value of the label.
    pub value: String,
    /// The number of targets in the group that have it.
    pub count: u64,
    /// The number of targets of all kinds that have it.
    pub of: u64,
}

/// Control tasks that have not ended, and operations that need a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct ControlCounts {
    /// The number of tasks that have not ended, including unsettled ones.
    pub open: u64,
    /// The number of tasks whose outcome a person has to state.
    pub unsettled: u64,
    /// The number of operations that wait for approval.
    pub awaiting: u64,
    /// The number of operations that a person has paused.
    pub paused: u64,
    /// The number of operations that stopped because too many of their tasks failed.
    pub stopped: u64,
}

/// The numbers of environments and of their workers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct EnvironmentCounts {
    /// The number of running environments.
    pub running: u64,
    /// The number of environments that are gone or have been silent for a while.
    pub gone: u64,
    /// The number of workers that are ready.
    pub workers: u64,
}

/// Something that is wrong, or worth knowing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// The seriousness of the finding.
    pub weight: Weight,
    /// The kind of thing that it concerns.
    pub about: About,
    /// The thing that it concerns: `environment wee-1`, `kind apc-pdu`.
    pub subject: String,
    /// The finding, in a sentence.
    pub says: String,
    /// The cure, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

/// The seriousness of a finding.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Something does not work.
    Wrong,
    /// Everything works, but somebody should know.
    Notice,
}

words! {
    /// The kind of thing that a finding concerns.
    #[derive(
        Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
    )]
    pub enum About {
        /// The store, which outlives the process.
        Store = "store",
        /// The disk that holds the store.
        Disk = "disk",
        /// A connection to a broker.
        Broker = "broker",
        /// The keeper of the ledger.
        Ledger = "ledger",
        /// A worker execution environment.
        Environment = "environment",
        /// Targets that answer but are not read completely.
        Target = "target",
        /// The workers of a release.
        Worker = "worker",
        /// A kind that targets have.
        Kind = "kind",
        /// Alarms.
        Alarm = "alarm",
        /// A control task.
        Task = "task",
        /// An operation.
        Operation = "operation",
        /// A schedule.
        Schedule = "schedule",
        /// A rollout.
        Rollout = "rollout",
        /// An order by which somebody has paused or drained something.
        Order = "order",
        /// The server itself.
        Server = "server",
    }
}

impl TargetCounts {
    /// Counts one more target of this health.
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
