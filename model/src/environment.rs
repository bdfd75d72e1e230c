//! What an environment tells of itself: its releases, its pools, how it is.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    ConnectionStatus, EnvironmentId, Incarnation, Kind, Labels, Manifest, OutcomeStatus, Problem,
    ReleaseId, ReleaseName, RolloutStatus, TargetName, Zone,
};

/// The status of an environment, published again whenever something of it changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EnvironmentStatus {
    /// The environment.
    pub id: EnvironmentId,
    /// The incarnation: another one after each start.
    pub incarnation: Incarnation,
    /// The zone whose targets it serves.
    pub zone: Zone,
    /// Earlier lives of it of which nothing runs any more, no worker either, which it has seen:
    /// what was permitted to them is over. The latest of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub over: Vec<Incarnation>,
    /// Its labels.
    #[serde(default)]
    pub labels: Labels,
    /// Its health.
    pub state: EnvironmentState,
    /// The version of its program.
    pub version: String,
    /// The time this was told.
    #[schema(value_type = String, format = "date-time")]
    pub time: Timestamp,
    /// By how many milliseconds its clock is ahead of that of the logic environment; negative:
    /// behind. Measured by who heard it, never said by itself; absent where they are as good as the
    /// same, and until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_ahead_ms: Option<i64>,
    /// Its pools, one for each release.
    pub pools: Vec<PoolStatus>,
    /// Releases that it found and refused.
    #[serde(default)]
    pub refused: Vec<RefusedRelease>,
    /// Its connections to the brokers, as they were then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<ConnectionStatus>,
    /// Targets that do not answer and are left alone for a while: at most 1000 of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breakers: Vec<BreakerStatus>,
    /// The revision of the desired state that it has heard of last, if of any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired: Option<u64>,
    /// The parts of it that are stopped by order.
    #[serde(default, skip_serializing_if = "Stopped::is_empty")]
    pub stopped: Stopped,
    /// The rollouts that it knows of, also those that ended, until nothing more is asked of
    /// their kinds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rollouts: Vec<RolloutStatus>,
    /// The number of workers it may run, when that is limited (`execution.max_workers`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<WorkersStatus>,
}

impl EnvironmentStatus {
    /// Moves the moments that it tells of by so much, from its clock to that of who has heard it.
    /// When it was told is moved apart.
    pub fn shift(&mut self, by: SignedDuration) {
        let connections = self.connections.iter_mut().map(|one| &mut one.since);
        let breakers = self.breakers.iter_mut();
        let breakers = breakers.flat_map(|one| [&mut one.since, &mut one.until]);
        let rollouts = self.rollouts.iter_mut().map(|one| &mut one.since);
        for moment in connections.chain(breakers).chain(rollouts) {
            *moment = moment.checked_add(by).unwrap_or(*moment);
        }
    }
}

/// The number of workers an environment may run, of all kinds together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WorkersStatus {
    /// So many at once.
    pub most: u32,
    /// Kinds that have tasks for more workers than they may have.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub short: BTreeSet<Kind>,
}

/// The parts of an environment that are stopped by order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Stopped {
    /// Everything that it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<StopState>,
    /// Single kinds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<Kind, StopState>,
    /// Single releases, of those that it has.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, StopState>)]
    pub releases: BTreeMap<ReleaseName, StopState>,
}

impl Stopped {
    /// Returns whether nothing is stopped.
    pub fn is_empty(&self) -> bool {
        self.all.is_none() && self.kinds.is_empty() && self.releases.is_empty()
    }
}

/// The progress of stopping something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StopState {
    /// It fetches nothing more; what it has begun goes on.
    Pausing,
    /// Nothing is under way any more; its workers are there.
    Paused,
    /// It fetches nothing more; what it has begun goes on, or its workers end.
    Draining,
    /// It has no workers any more.
    Drained,
}

/// The status of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EnvironmentState {
    /// It works.
    Running,
    /// It ends what it has begun and takes nothing new.
    Draining,
    /// It is not there: said by itself at its end, or by the broker (last will).
    Gone,
}

/// One pool: the workers of one release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PoolStatus {
    /// The release.
    pub release: ReleaseId,
    /// Its manifest.
    pub manifest: Manifest,
    /// `true` if new tasks of the kind go to it.
    pub active: bool,
    /// Workers that are being started.
    pub starting: u32,
    /// Workers that said hello.
    pub ready: u32,
    /// Workers that end what they have.
    pub draining: u32,
    /// Tasks that a worker has.
    pub running: u32,
    /// Tasks that wait in the environment.
    pub waiting: u32,
    /// Workers that died or hung since the start.
    pub lost: u64,
    /// The reason no worker is ready, when that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// The most memory that one of its workers has, in bytes, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Counts of the tasks that its workers ended, since it is there.
    #[serde(default, skip_serializing_if = "EndedTasks::is_none")]
    pub ended: EndedTasks,
}

/// Counts of the tasks that workers ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct EndedTasks {
    /// They were done.
    pub succeeded: u64,
    /// They were not.
    pub failed: u64,
    /// Nobody knows.
    pub unknown: u64,
}

impl EndedTasks {
    /// Returns whether there were none.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// One more. One that was not begun counts for nobody.
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
    /// Its path.
    pub path: String,
    /// The reason it is refused.
    pub problem: Problem,
}

/// A target that does not answer and is left alone for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BreakerStatus {
    /// The target.
    pub target: TargetName,
    /// `true` if it is left alone.
    pub state: BreakerState,
    /// Since when.
    #[schema(value_type = String, format = "date-time")]
    pub since: Timestamp,
    /// The time it is tried again, or could be since.
    #[schema(value_type = String, format = "date-time")]
    pub until: Timestamp,
    /// Attempts in a row that it did not answer.
    pub failures: u32,
    /// The problem of the last of them.
    pub problem: Problem,
}

/// The state of the breaker of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BreakerState {
    /// It is: reads fail at once, control waits.
    Open,
    /// The next attempt finds out whether it answers again.
    HalfOpen,
}
