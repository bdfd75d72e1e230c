//! Rollouts: the move of a kind from one release to the next.
//!
//! ```text
//! waiting ─► starting ─► shadow ─► canary ─► rolling ─► done
//!               └──────────┴─────────┴──────────┴─────► back (why, and the evidence)
//! ```
//!
//! The desired state says what to do, and each environment carries it out by itself and reports its
//! progress in its status.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{EnvironmentId, Kind, Problem, ReleaseId, RolloutId, Selector, duration};

/// The desired state of a kind in a zone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct KindDesired {
    /// The release that serves it. Absent: the newest one in the folders of an environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable: Option<ReleaseId>,
    /// Further releases, kept for targets that are pinned to their versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<ReleaseId>,
    /// The rollout to another release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutOrder>,
    /// The selector of the environments that serve the kind, by label; `name` is that of the
    /// environment. Absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Selector>,
}

/// A rollout as ordered of environments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RolloutOrder {
    /// The identifier of the rollout.
    pub id: RolloutId,
    /// The new release.
    pub candidate: ReleaseId,
    /// The plan of the phases.
    pub plan: RolloutPlan,
    /// The command to each environment. One that is not named waits.
    pub environments: BTreeMap<EnvironmentId, Go>,
}

/// The command to an environment in a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Go {
    /// The command itself.
    pub order: GoOrder,
    /// The phase up to which no evidence is needed, because a person has promoted the rollout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promoted: Option<RolloutPhase>,
}

/// The command to an environment in a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GoOrder {
    /// Carry out the rollout.
    Go,
    /// Stay in the present phase.
    Pause,
    /// Return to the stable release, and stay there.
    Back,
}

/// The conditions under which a rollout goes from phase to phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RolloutPlan {
    /// The number of answers of the candidate that are compared in the shadow of the stable
    /// release, in each environment; 0: no shadow.
    pub shadow_answers: u32,
    /// The permitted difference of a number from those of the stable release before and after, as a
    /// fraction of it.
    pub tolerance: f64,
    /// The successive shares of the tasks that the candidate gets; none: no canary.
    pub canary_shares: Vec<f64>,
    /// The number of tasks that the candidate does at each share, in each environment.
    pub canary_tasks: u32,
    /// The time at a share after which fewer tasks suffice, if the candidate does no worse in them:
    /// one leads on to the next share, and 20 in total to the end.
    #[serde(with = "duration", skip_serializing_if = "is_usual_time")]
    #[schema(value_type = String, example = "2m")]
    pub canary_time: Duration,
    /// The factor by which a task may take longer than with the stable release.
    pub slower: f64,
    /// The time for which the candidate is watched after it has taken over everything.
    #[serde(with = "duration")]
    #[schema(value_type = String, example = "10s")]
    pub watch: Duration,
}

/// The default time at a share where tasks are few.
const CANARY_TIME: Duration = Duration::from_secs(120);

/// Environments of earlier versions do not know the field.
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

/// The reason why a plan was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// A value that is not a share.
    #[error(
        "canary_shares: {share} is not a share: more than 0 and at most 1, each more than the one before"
    )]
    Share {
        /// The rejected value.
        share: f64,
    },
    /// A value that is not a tolerance.
    #[error("tolerance: {tolerance} is not a share from 0 to 1")]
    Tolerance {
        /// The rejected value.
        tolerance: f64,
    },
    /// A factor below 1.
    #[error("slower: {slower} is less than 1: the candidate would have to be faster")]
    Slower {
        /// The rejected value.
        slower: f64,
    },
    /// A canary with shares, but without tasks to find anything by.
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

/// The phase of a rollout in an environment.
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
    /// It is not this environment's turn, or the candidate has not arrived here yet.
    Waiting,
    /// Workers of the candidate are being started.
    Starting,
    /// The candidate repeats reads. Its answers are compared and not published.
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
    /// The identifier of the rollout.
    pub id: RolloutId,
    /// The kind that is rolled out.
    pub kind: Kind,
    /// The new release.
    pub candidate: ReleaseId,
    /// The phase that was reached.
    pub phase: RolloutPhase,
    /// The time at which the phase began.
    #[schema(value_type = String, format = "date-time")]
    pub since: Timestamp,
    /// `true` if it stays there by order.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// The evidence about the candidate.
    pub evidence: Evidence,
    /// The reason why it went back, or waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// The evidence about a candidate in one environment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Evidence {
    /// The number of answers compared in the shadow.
    pub compared: u64,
    /// Of these, the number that differ.
    pub differing: u64,
    /// The differences, at most 20 of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// The share of the tasks that the candidate has now.
    pub share: f64,
    /// The results of the candidate since it has had a share.
    pub candidate: Sample,
    /// The results of the stable release in that time.
    pub stable: Sample,
    /// The progress of the present phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// The number of tasks by which its canary was judged, if it was fewer than planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judged_by: Option<u64>,
    /// The number of the candidate's workers that died or hung.
    pub lost: u64,
    /// The peak memory of the candidate's workers, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
}

/// The progress of a phase that gathers evidence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Progress {
    /// The count so far: answers in the shadow, or tasks at this share of the canary.
    pub seen: u64,
    /// The count that the plan requires.
    pub of: u64,
    /// The number per second at the pace so far. Absent if there were none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_second: Option<f64>,
    /// The time remaining at that pace, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<f64>,
}

/// The results of a release.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Sample {
    /// The number of tasks that it ended.
    pub tasks: u64,
    /// Of these, the number that failed.
    pub failed: u64,
    /// Of these, the number with an unknown outcome.
    pub unknown: u64,
    /// The median run time, in seconds.
    pub p50: f64,
    /// The 99th percentile of the run times, in seconds.
    pub p99: f64,
}

/// A difference between answers, and its frequency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = RolloutDifference)]
pub struct Difference {
    /// The thing that differs: a metric with its attributes, or `outcome`.
    pub what: String,
    /// The value in the stable release's answer.
    pub stable: String,
    /// The value in the candidate's answer.
    pub candidate: String,
    /// The number of answers that differ in this way.
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
