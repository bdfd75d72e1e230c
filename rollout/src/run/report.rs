//! The reports about a rollout, and its record.

use utakata_model::{
    Problem, RolloutId, RolloutPhase, RolloutStatus,
    rollout::{Evidence, Go, GoOrder, Progress},
};

use super::RolloutRun;
use crate::{Decision, enough};

/// The part of a rollout that is published immediately when it changes: its identifier, its phase,
/// whether it is paused, and its problem.
pub type Summary<'r> = (RolloutId, RolloutPhase, bool, Option<&'r Problem>);

impl RolloutRun {
    /// Returns the part that is published immediately when it changes.
    pub fn summary(&self) -> Summary<'_> {
        (
            self.order.id,
            self.phase,
            self.is_paused(),
            self.problem.as_ref(),
        )
    }

    /// Returns the status that others see.
    pub fn status(&self) -> RolloutStatus {
        RolloutStatus {
            id: self.order.id,
            kind: self.order.candidate.kind.clone(),
            candidate: self.order.candidate.clone(),
            phase: self.phase,
            since: self.since,
            paused: self.is_paused(),
            evidence: self.evidence(),
            problem: self.problem.clone(),
        }
    }

    /// Returns the record to keep across restarts.
    pub fn decision(&self) -> Decision {
        let status = self.status();
        Decision {
            id: status.id,
            candidate: status.candidate,
            phase: status.phase,
            since: status.since,
            share: self.share.at,
            problem: status.problem,
            evidence: status.evidence,
        }
    }

    pub(super) fn evidence(&self) -> Evidence {
        if let Some(closing) = &self.closing {
            return closing.clone();
        }
        let share = match self.phase {
            RolloutPhase::Rolling if self.taken_over.is_some() => 1.0,
            RolloutPhase::Canary | RolloutPhase::Rolling => self.share.turns.share(),
            _ => 0.0,
        };
        Evidence {
            compared: self.shadow.compared,
            differing: self.shadow.differing,
            differences: self.shadow.differences.clone(),
            share,
            candidate: self.candidate.sample(),
            stable: self.stable.sample(),
            progress: self.progress(),
            judged_by: self.judged_by,
            lost: self.lost,
            memory: self.memory,
        }
    }

    /// Returns the progress of the phase, where it is known.
    fn progress(&self) -> Option<Progress> {
        let now = self.looked?;
        let elapsed = now.saturating_duration_since(self.began?).as_secs_f64();
        let pace = |count: u64| (count > 0 && elapsed > 0.0).then(|| float(count) / elapsed);
        match self.phase {
            RolloutPhase::Shadow => {
                let seen = self.shadow.compared;
                let of = u64::from(self.order.plan.shadow_answers);
                let per_second = pace(seen);
                Some(Progress {
                    seen,
                    of,
                    per_second,
                    left: per_second.map(|pace| float(of.saturating_sub(seen)) / pace),
                })
            }
            RolloutPhase::Canary => {
                let left = enough::left(&self.sample(&self.stable, now), &self.order.plan);
                Some(Progress {
                    seen: self.share.ended,
                    of: self.order.plan.canary_tasks.into(),
                    per_second: pace(self.share.both).map(|pace| pace * self.share.turns.share()),
                    left: left.map(|left| left.as_secs_f64()),
                })
            }
            _ => None,
        }
    }

    fn is_paused(&self) -> bool {
        let is_paused = |go: Go| go.order == GoOrder::Pause;
        self.order.go.is_some_and(is_paused) && !self.is_over()
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}
