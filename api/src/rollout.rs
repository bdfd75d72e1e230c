//! Rollouts, and which releases serve.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{
    EnvironmentId, Kind, PersonName, Problem, ReleaseId, RolloutId, RolloutPhase, RolloutPlan,
    Selector, rollout::Evidence,
};
use utoipa::ToSchema;

/// Body of `POST /v1/rollouts`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRollout {
    /// The kind.
    pub kind: Kind,
    /// The release to go to: its version, or the beginning of its digest.
    #[schema(max_length = 128)]
    pub to: String,
    /// The plan. Absent: a shadow of 30 answers, then 5 and 25 of 100 tasks.
    #[serde(default)]
    pub plan: RolloutPlan,
    /// The waves of environments that begin together, one after the other; `name` is that of the
    /// environment, `zone` its zone, all others are its labels. Those of no wave come last. Absent:
    /// one environment first, then all others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>, max_items = 100)]
    pub waves: Vec<Selector>,
    /// The reason, for the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub why: Option<String>,
}

/// Body of `PUT /v1/kinds/{kind}/pins`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Pins {
    /// Targets that keep a release of their own; the first that means a target counts, and a pin of
    /// the target itself before all of them.
    #[schema(max_items = 100)]
    pub pins: Vec<Pin>,
}

/// Targets that keep a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The targets: `firmware=2.1`.
    #[schema(value_type = String)]
    pub selector: Selector,
    /// The version that serves them.
    #[schema(max_length = 128)]
    pub version: String,
}

/// Body of `PUT /v1/kinds/{kind}/placement`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// The environments that serve the kind: `purpose=control`. Absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub environments: Option<Selector>,
}

/// Returns the desired state of a kind.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct KindAsked {
    /// The release that serves it. Absent: the newest in the folders of each environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stable: Option<ReleaseId>,
    /// Targets that keep a release of their own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pins: Vec<Pin>,
    /// The releases that pins name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<ReleaseId>,
    /// The environments that serve it. Absent: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub placement: Option<Selector>,
}

/// A rollout, and how far it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Rollout {
    /// Its id.
    pub id: RolloutId,
    /// The kind.
    pub kind: Kind,
    /// The release that served before.
    pub from: ReleaseId,
    /// The release to go to.
    pub to: ReleaseId,
    /// The plan.
    pub plan: RolloutPlan,
    /// The waves of environments that begin together; those of no wave come last.
    #[schema(value_type = Vec<String>)]
    pub waves: Vec<Selector>,
    /// The wave that may go now, from 0, and all before it.
    pub wave: u32,
    /// The person who began it.
    pub by: PersonName,
    /// The reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The time.
    #[schema(value_type = String, format = "date-time")]
    pub began: Timestamp,
    /// In one word.
    pub state: RolloutState,
    /// The last pause, resumption, promotion or abortion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<crate::ledger::Attribution>,
    /// The reason it goes back, or went back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// The time it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub ended: Option<Timestamp>,
    /// The progress of each environment.
    #[serde(default)]
    pub environments: BTreeMap<EnvironmentId, RolloutProgress>,
    /// Counts of read-backs of control that the new release called done.
    #[serde(default)]
    pub read_back: ReadBack,
    /// The same of the release that served before.
    #[serde(default)]
    pub read_back_before: ReadBack,
}

/// The state of a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RolloutState {
    /// It goes on by itself.
    Running,
    /// It stays where it is until somebody resumes it.
    Paused,
    /// The release of before takes over again, because the new one is not good enough.
    GoingBack,
    /// The same, because somebody wants it.
    Aborting,
    /// The new release serves.
    Done,
    /// The release of before serves: the new one is not good enough.
    Failed,
    /// The release of before serves: somebody wanted it.
    Aborted,
}

impl RolloutState {
    /// Returns whether nothing more happens.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Aborted)
    }

    /// Returns whether the release of before is to serve again.
    pub fn is_back(self) -> bool {
        matches!(self, Self::GoingBack | Self::Aborting)
    }
}

/// The progress of a rollout in an environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RolloutProgress {
    /// Its wave, from 0.
    pub wave: u32,
    /// Its phase.
    pub phase: RolloutPhase,
    /// Up to which phase somebody has decided without evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promoted: Option<RolloutPhase>,
    /// The evidence about the new release.
    #[serde(default)]
    pub evidence: Evidence,
    /// The reason it went back, or what it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// Counts of read-backs of control that a release called done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct ReadBack {
    /// The device shows it.
    pub shown: u64,
    /// The device shows something else.
    pub not_shown: u64,
}
