//! Rollouts, pins and placement.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{
    EnvironmentId, Kind, PersonName, Problem, ReleaseId, RolloutId, RolloutPhase, RolloutPlan,
    Selector, rollout::Evidence,
};
use utoipa::ToSchema;

/// Body of `POST /v1/rollouts`: a rollout to begin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRollout {
    /// The name of the kind.
    pub kind: Kind,
    /// The new release, by its version or the beginning of its digest.
    #[schema(max_length = 128)]
    pub to: String,
    /// The plan. Absent: a shadow of 30 answers, then 5 % and 25 % of 100 tasks.
    #[serde(default)]
    pub plan: RolloutPlan,
    /// The waves: selectors of environments that begin together, one wave after the other. `name`
    /// is that of the environment, `zone` its zone; all other keys are its labels. Environments in
    /// no wave come last. Absent: one environment first, then all others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>, max_items = 100)]
    pub waves: Vec<Selector>,
    /// A reason for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub why: Option<String>,
}

/// Body of `PUT /v1/kinds/{kind}/pins`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Pins {
    /// The targets that keep a release of their own. The first pin that selects a target counts,
    /// after any pin in the target itself.
    #[schema(max_items = 100)]
    pub pins: Vec<Pin>,
}

/// A group of targets that keep a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The selector of the targets: `firmware=2.1`.
    #[schema(value_type = String)]
    pub selector: Selector,
    /// The version that serves them.
    #[schema(max_length = 128)]
    pub version: String,
}

/// Body of `PUT /v1/kinds/{kind}/placement`: the environments that serve a kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// The environments that serve the kind: `purpose=control`. Absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub environments: Option<Selector>,
}

/// The desired state of a kind.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct KindAssignment {
    /// The release that serves it. Absent: the newest one in the folders of each environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stable: Option<ReleaseId>,
    /// The targets that keep a release of their own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pins: Vec<Pin>,
    /// The releases that pins refer to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<ReleaseId>,
    /// The environments that serve it. Absent: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub placement: Option<Selector>,
}

/// A rollout and its progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Rollout {
    /// The identifier of the rollout.
    pub id: RolloutId,
    /// The kind that is rolled out.
    pub kind: Kind,
    /// The previous release.
    pub from: ReleaseId,
    /// The new release.
    pub to: ReleaseId,
    /// The plan of the phases.
    pub plan: RolloutPlan,
    /// The waves: selectors of environments that begin together. Environments in no wave come last.
    #[schema(value_type = Vec<String>)]
    pub waves: Vec<Selector>,
    /// The number of the wave that may begin now, from 0, with all before it.
    pub wave: u32,
    /// The person who began it.
    pub by: PersonName,
    /// The reason that was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The time at which it began.
    #[schema(value_type = String, format = "date-time")]
    pub began: Timestamp,
    /// The state of the rollout.
    pub state: RolloutState,
    /// The last pause, resumption, promotion or abortion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<crate::ledger::Attribution>,
    /// The reason for its return to the previous release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// The time at which it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub ended: Option<Timestamp>,
    /// The progress in each environment.
    #[serde(default)]
    pub environments: BTreeMap<EnvironmentId, RolloutProgress>,
    /// The results of reading back control that the new release reported as done.
    #[serde(default)]
    pub read_back: ReadBack,
    /// The results of reading back control that the previous release reported as done.
    #[serde(default)]
    pub read_back_before: ReadBack,
}

/// The state of a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RolloutState {
    /// It proceeds by itself.
    Running,
    /// It stays where it is until somebody resumes it.
    Paused,
    /// The previous release takes over again, because the new one is not good enough.
    GoingBack,
    /// The previous release takes over again, because somebody aborted the rollout.
    Aborting,
    /// The new release serves.
    Done,
    /// The previous release serves again, because the new one is not good enough.
    Failed,
    /// The previous release serves again, because somebody aborted the rollout.
    Aborted,
}

impl RolloutState {
    /// Returns true if the rollout is over.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Aborted)
    }

    /// Returns true if the previous release serves, or is to serve, again.
    pub fn is_back(self) -> bool {
        matches!(self, Self::GoingBack | Self::Aborting)
    }
}

/// The progress of a rollout in an environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RolloutProgress {
    /// The wave of the environment, from 0.
    pub wave: u32,
    /// The phase in the environment.
    pub phase: RolloutPhase,
    /// The phase up to which somebody has promoted it without evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promoted: Option<RolloutPhase>,
    /// The evidence about the new release.
    #[serde(default)]
    pub evidence: Evidence,
    /// The reason for its return to the previous release, or for its waiting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// The results of reading back control that a release reported as done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct ReadBack {
    /// The number of devices that showed the effect.
    pub shown: u64,
    /// The number of devices that showed something else.
    pub not_shown: u64,
}
