//! The status of an environment: its releases, its pools, its health.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    ConnectionStatus, EnvironmentId, Incarnation, KeyReport, Kind, Labels, Manifest, OutcomeStatus,
    Problem, ReleaseId, ReleaseName, RolloutStatus, TargetName, Zone,
};

/// The status of an environment, published whenever it changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EnvironmentStatus {
    /// The name of the environment.
    pub id: EnvironmentId,
    /// The incarnation: another one after each start.
    pub incarnation: Incarnation,
    /// The zone whose targets it serves.
    pub zone: Zone,
    /// The latest earlier incarnations of which nothing runs any more, workers included, as the
    /// environment has verified: what was permitted to them is over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub over: Vec<Incarnation>,
    /// Its key, if it can be lent credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyReport>,
    /// The labels of the environment.
    #[serde(default)]
    pub labels: Labels,
    /// The state of the environment.
    pub state: EnvironmentState,
    /// The version of its program.
    pub version: String,
    /// The time of this report.
    #[schema(value_type = String, format = "date-time")]
    pub time: Timestamp,
    /// The number of milliseconds by which its clock is ahead of the logic environment's; negative
    /// if it is behind. Measured by the receiver, never reported by the environment itself. Absent
    /// while unknown or negligible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_ahead_ms: Option<i64>,
    /// The pools, one per release.
    pub pools: Vec<PoolStatus>,
    /// The releases that it found and refused.
    #[serde(default)]
    pub refused: Vec<RefusedRelease>,
    /// The connections to the brokers at that time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<ConnectionStatus>,
    /// The targets that do not answer and are left alone for a while; at most 1000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breakers: Vec<BreakerStatus>,
    /// The latest revision of the desired state that it has received, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired: Option<u64>,
    /// `true` if its workers reach no addresses but those of their targets, so that it needs to
    /// know them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needs_networks: bool,
    /// The parts of it that are stopped by order.
    #[serde(default, skip_serializing_if = "Stopped::is_empty")]
    pub stopped: Stopped,
    /// The rollouts that it knows, including those that ended, until their kinds have no further
    /// order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rollouts: Vec<RolloutStatus>,
    /// The number of workers that it may run, if limited (`execution.max_workers`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<WorkersStatus>,
    /// The number of impossible states that its process and its workers were in since they
    /// started: mistakes in utakata, which are in its log.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub invariants_broken: u64,
    /// The kinds that it serves again, or will, after their services had failed: mistakes in
    /// utakata.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restarted: Vec<RestartedKind>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl EnvironmentStatus {
    /// Shifts the times in the status from its own clock to that of the receiver. The time of the
    /// report is shifted separately.
    pub fn shift(&mut self, by: SignedDuration) {
        let connections = self.connections.iter_mut().map(|one| &mut one.since);
        let breakers = self.breakers.iter_mut();
        let breakers = breakers.flat_map(|one| [&mut one.since, &mut one.until]);
        let rollouts = self.rollouts.iter_mut().map(|one| &mut one.since);
        let restarted = self.restarted.iter_mut().map(|one| &mut one.last);
        for moment in connections.chain(breakers).chain(rollouts).chain(restarted) {
            *moment = moment.checked_add(by).unwrap_or(*moment);
        }
    }
}

/// A kind whose service has failed in an environment, and is started again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RestartedKind {
    /// The name of the kind.
    pub kind: Kind,
    /// The number of times its service has failed since the environment started.
    pub count: u64,
    /// The last time.
    #[schema(value_type = String, format = "date-time")]
    pub last: Timestamp,
}

/// The limit on the workers of an environment, of all kinds together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WorkersStatus {
    /// The largest number of workers at once.
    pub max: u32,
    /// The kinds that have tasks for more workers than they may have.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub short: BTreeSet<Kind>,
}

/// The parts of an environment that are stopped by order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Stopped {
    /// The state of stopping everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<StopState>,
    /// The state of stopping single kinds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<Kind, StopState>,
    /// The state of stopping single releases that it has.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, StopState>)]
    pub releases: BTreeMap<ReleaseName, StopState>,
}

impl Stopped {
    /// Returns true if nothing is stopped.
    pub fn is_empty(&self) -> bool {
        self.all.is_none() && self.kinds.is_empty() && self.releases.is_empty()
    }
}

/// The progress of stopping something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StopState {
    /// No new tasks are fetched; running ones continue.
    Pausing,
    /// No task is running; the workers are kept.
    Paused,
    /// No new tasks are fetched; running ones continue, or the workers are ending.
    Draining,
    /// The workers are gone.
    Drained,
}

/// The state of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EnvironmentState {
    /// It is working.
    Running,
    /// It finishes running tasks and fetches no new ones.
    Draining,
    /// It is gone, as reported by itself at its end or by the broker (last will).
    Gone,
}

/// A pool: the workers of one release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PoolStatus {
    /// The release of these workers.
    pub release: ReleaseId,
    /// The manifest of the release.
    #[schema(value_type = Manifest)]
    pub manifest: Arc<Manifest>,
    /// `true` if new tasks of the kind go to this pool.
    pub active: bool,
    /// The number of workers being started.
    pub starting: u32,
    /// The number of workers that have said hello.
    pub ready: u32,
    /// The number of workers that finish their tasks and take no new ones.
    pub draining: u32,
    /// The number of tasks that workers are running.
    pub running: u32,
    /// The number of tasks that wait in the environment.
    pub waiting: u32,
    /// The number of workers that died or hung since the environment started.
    pub lost: u64,
    /// The reason why no worker is ready, if none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// The peak memory of its workers, in bytes, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// The tasks that its workers have ended since the pool exists.
    #[serde(default, skip_serializing_if = "EndedTasks::is_none")]
    pub ended: EndedTasks,
}

/// Counts of ended tasks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct EndedTasks {
    /// The number of tasks that succeeded.
    pub succeeded: u64,
    /// The number of tasks that failed.
    pub failed: u64,
    /// The number of tasks with an unknown outcome.
    pub unknown: u64,
}

impl EndedTasks {
    /// Returns true if no task has ended.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Counts one more task. One that never began is not counted.
    pub fn count(&mut self, status: OutcomeStatus) {
        match status {
            OutcomeStatus::Succeeded => self.succeeded += 1,
            OutcomeStatus::Failed => self.failed += 1,
            OutcomeStatus::Unknown => self.unknown += 1,
            OutcomeStatus::Expired | OutcomeStatus::Cancelled => {}
        }
    }
}

/// A release folder that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RefusedRelease {
    /// The path of the folder.
    pub path: String,
    /// The reason why it is refused.
    pub problem: Problem,
}

/// A target that does not answer and is left alone for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BreakerStatus {
    /// The name of the target.
    pub target: TargetName,
    /// The state of its breaker.
    pub state: BreakerState,
    /// The time at which the breaker opened.
    #[schema(value_type = String, format = "date-time")]
    pub since: Timestamp,
    /// The time from which the target may be tried again.
    #[schema(value_type = String, format = "date-time")]
    pub until: Timestamp,
    /// The number of consecutive attempts that it did not answer.
    pub failures: u32,
    /// The problem of the last of them.
    pub problem: Problem,
}

/// The state of a target's breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BreakerState {
    /// The target is left alone: reads fail at once, and control waits.
    Open,
    /// The next attempt decides whether the target answers again.
    HalfOpen,
}
