//! Rollouts: the way of a kind from one release to the next.
//!
//! ```text
//! waiting ─► starting ─► shadow ─► canary ─► rolling ─► done
//!               └──────────┴─────────┴──────────┴─────► back (why, and the evidence)
//! ```
//!
//! What is to be done is desired state, and each environment does it by itself. What came of it
//! stands in the status of each environment.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{EnvironmentId, Kind, Problem, ReleaseId, RolloutId, Selector, duration};

/// The desired state of a kind in a zone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct KindDesired {
    /// The release that serves it. Absent: the newest that lies in the folders of an environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable: Option<ReleaseId>,
    /// Others that are kept for targets that are pinned to their versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<ReleaseId>,
    /// The way to another release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutOrder>,
    /// The environments that serve the kind, by their labels; `name` is that of the environment.
    /// Absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Selector>,
}

/// A rollout as environments are asked to carry it out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RolloutOrder {
    /// The rollout.
    pub id: RolloutId,
    /// The release to go to.
    pub candidate: ReleaseId,
    /// The plan.
    pub plan: RolloutPlan,
    /// The order for each environment; one that is not named waits.
    pub environments: BTreeMap<EnvironmentId, Go>,
}

/// The order for an environment about a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Go {
    /// The order.
    pub order: GoOrder,
    /// It need not gather evidence in phases up to this one: somebody has decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promoted: Option<RolloutPhase>,
}

/// The order for an environment about a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GoOrder {
    /// Carry it out.
    Go,
    /// Stay in the phase it is in.
    Pause,
    /// Go back to the stable release, and stay there.
    Back,
}

/// The conditions under which a rollout goes from phase to phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RolloutPlan {
    /// Answers of the candidate that are compared in the shadow of the stable release, in each
    /// environment; 0: no shadow.
    pub shadow_answers: u32,
    /// By how much a number may differ from what the stable release reads before and after, as
    /// a share of it.
    pub tolerance: f64,
    /// The shares of the tasks that the candidate gets, one after the other; none: no canary.
    pub canary_shares: Vec<f64>,
    /// Tasks that the candidate does at each share, in each environment.
    pub canary_tasks: u32,
    /// After this time at a share fewer tasks are enough, if it is no worse in them: one leads on
    /// to the next share, and 20 in all to the end.
    #[serde(with = "duration", skip_serializing_if = "is_usual_time")]
    #[schema(value_type = String, example = "2m")]
    pub canary_time: Duration,
    /// The factor by which a task may take longer than with the stable release.
    pub slower: f64,
    /// The time for which it is watched after it has taken over everything.
    #[serde(with = "duration")]
    #[schema(value_type = String, example = "10s")]
    pub watch: Duration,
}

/// The length of a share where tasks are few.
const CANARY_TIME: Duration = Duration::from_secs(120);

/// Environments of before do not know of it.
fn is_usual_time(time: &Duration) -> bool {
    *time == CANARY_TIME
}

impl Default for RolloutPlan {
    fn default() -> Self {
        Self {
            shadow_answers: 30,
            tolerance: 0.05,
            canary_shares: vec![0.05, 0.25],
            canary_tasks: 100,
            canary_time: CANARY_TIME,
            slower: 2.0,
            watch: Duration::from_secs(10),
        }
    }
}

/// A plan that cannot be.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// Not a share.
    #[error(
        "canary_shares: {share} is not a share: more than 0 and at most 1, each more than the one before"
    )]
    Share {
        /// As given.
        share: f64,
    },
    /// Not a tolerance.
    #[error("tolerance: {tolerance} is not a share from 0 to 1")]
    Tolerance {
        /// As given.
        tolerance: f64,
    },
    /// Less than once as long.
    #[error("slower: {slower} is less than 1: the candidate would have to be faster")]
    Slower {
        /// As given.
        slower: f64,
    },
    /// Nothing is tried, and nothing can be found.
    #[error(
        "canary_tasks is 0, but there are canary_shares: say how many tasks, or give no shares"
    )]
    NoTasks,
}

impl RolloutPlan {
    /// Refuses plans by which nothing could be judged.
    pub fn validate(&self) -> Result<(), PlanError> {
        let mut before = 0.0;
        for &share in &self.canary_shares {
            if !(share > before && share <= 1.0) {
                return Err(PlanError::Share { share });
            }
            before = share;
        }
        let (tolerance, slower) = (self.tolerance, self.slower);
        if !(0.0..=1.0).contains(&tolerance) {
            return Err(PlanError::Tolerance { tolerance });
        }
        if !(slower >= 1.0 && slower.is_finite()) {
            return Err(PlanError::Slower { slower });
        }
        if self.canary_tasks == 0 && !self.canary_shares.is_empty() {
            return Err(PlanError::NoTasks);
        }
        Ok(())
    }
}

/// The progress of a rollout in an environment.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum RolloutPhase {
    /// It is not its turn, or the candidate is not here yet.
    Waiting,
    /// Workers of the candidate are started.
    Starting,
    /// The candidate repeats reads; answers are compared, and nothing of them is published.
    Shadow,
    /// The candidate does a share of the tasks.
    Canary,
    /// The candidate takes over, and is watched.
    Rolling,
    /// The candidate serves.
    Done,
    /// The stable release serves again.
    Back,
}

/// The status of a rollout in one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RolloutStatus {
    /// The rollout.
    pub id: RolloutId,
    /// Of this kind.
    pub kind: Kind,
    /// To this release.
    pub candidate: ReleaseId,
    /// Its phase.
    pub phase: RolloutPhase,
    /// Since when.
    #[schema(value_type = String, format = "date-time")]
    pub since: Timestamp,
    /// `true` if it stays there because somebody wants it to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// The evidence about the candidate.
    pub evidence: Evidence,
    /// The reason it went back, or what it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// The evidence about a candidate in one environment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Evidence {
    /// Answers that were compared in the shadow.
    pub compared: u64,
    /// Of these, those that differ.
    pub differing: u64,
    /// In what they differ, at most 20 of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// The share of the tasks that the candidate has now.
    pub share: f64,
    /// The results of the candidate since it has a share.
    pub candidate: Sample,
    /// The results of the stable release in that time.
    pub stable: Sample,
    /// The progress of the present phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// By how many tasks its canary was judged, where these were fewer than were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judged_by: Option<u64>,
    /// Workers of the candidate that died or hung.
    pub lost: u64,
    /// The most memory that a worker of the candidate had, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
}

/// The progress of a phase in which something is to be seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Progress {
    /// The count so far: answers in the shadow, tasks at this share of the canary.
    pub seen: u64,
    /// Of how many that were asked for.
    pub of: u64,
    /// The number that come in a second, at the pace so far; absent where none has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_second: Option<f64>,
    /// The time until it is enough, in seconds, at that pace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<f64>,
}

/// The results of a release.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Sample {
    /// Tasks that it ended.
    pub tasks: u64,
    /// Of these, those that failed.
    pub failed: u64,
    /// Of these, those of which nobody knows.
    pub unknown: u64,
    /// The time that half of them took at the most, in seconds.
    pub p50: f64,
    /// The time that 99 of 100 took at the most, in seconds.
    pub p99: f64,
}

/// In what answers differ, and how often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = RolloutDifference)]
pub struct Difference {
    /// The subject: a metric with its attributes, or `outcome`.
    pub what: String,
    /// The value of the stable release.
    pub stable: String,
    /// The value of the candidate.
    pub candidate: String,
    /// The number of answers differ so.
    pub times: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_by_which_nothing_could_be_judged_is_refused() {
        let plan = RolloutPlan::default();
        assert_eq!(plan.validate(), Ok(()));
        let wrong = [
            RolloutPlan {
                canary_shares: vec![0.2, 0.1],
                ..plan.clone()
            },
            RolloutPlan {
                canary_shares: vec![f64::NAN],
                ..plan.clone()
            },
            RolloutPlan {
                tolerance: -0.1,
                ..plan.clone()
            },
            RolloutPlan {
                slower: 0.5,
                ..plan.clone()
            },
            RolloutPlan {
                canary_tasks: 0,
                ..plan.clone()
            },
        ];
        for plan in wrong {
            assert!(plan.validate().is_err(), "{plan:?}");
        }
        let at_once = RolloutPlan {
            shadow_answers: 0,
            canary_shares: Vec::new(),
            canary_tasks: 0,
            ..plan
        };
        assert_eq!(at_once.validate(), Ok(()));
    }
}
