//! The rollout of a kind: the decisions about it, their execution, and the roles that they give to
//! the stable release and to the candidate.
//!
//! ```text
//! a step forward:  decided ─► recorded ─► done
//! a step back:     decided, done ─► recorded ─► reported
//! ```

use jiff::Timestamp;
use tokio::time::Instant;
use utakata_model::{Outcome, ReleaseDigest, RolloutId, RolloutPhase, RolloutStatus};
use utakata_rollout::{
    Change, Decision, Facts, Order, Recent, RolloutRun, Summary, compare::Mismatch,
};

/// The rollout, if there is one.
#[derive(Debug, Default)]
pub(super) struct Rollout {
    run: Option<RolloutRun>,
    /// The remains of an earlier life.
    kept: Option<Decision>,
    /// The decision under way, of which there is at most one at a time.
    pending: Option<Pending>,
    /// The number of the stable release's workers when the candidate took over.
    stable_workers: u32,
    /// The latest outcomes.
    recent: Recent,
}

/// A decision that is not recorded yet.
#[derive(Debug)]
struct Pending {
    /// The record to write, until it is taken.
    record: Option<Decision>,
    /// The rollout after that is recorded; absent if it has taken effect already.
    next: Option<(RolloutRun, Change)>,
}

/// The candidate's state among the workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trial {
    /// The number of workers that it needs to take over.
    pub(super) enough: u32,
    /// True if the candidate takes tasks now.
    pub(super) takes_tasks: bool,
}

/// The role of a release in a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seat {
    /// True if tasks without a pin go to it.
    pub(super) is_active: bool,
    /// The least number of workers that it keeps.
    pub(super) least: u32,
    /// True if idle workers are stopped at once.
    pub(super) is_brief: bool,
}

/// The roles of both releases in a rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seats {
    pub(super) stable: Seat,
    pub(super) candidate: Seat,
    /// True if the candidate was turned back.
    pub(super) is_back: bool,
}

impl Rollout {
    /// Resumes with the remains of a rollout from an earlier life of the environment.
    pub(super) fn resume(kept: Option<Decision>) -> Self {
        Self {
            kept,
            ..Self::default()
        }
    }

    pub(super) fn on_order(&mut self, order: Option<&Order>, clock: Timestamp) {
        let Some(order) = order else {
            self.run = None;
            return;
        };
        let is_known = self.run.as_mut().is_some_and(|run| run.update(order));
        if !is_known {
            self.run = Some(RolloutRun::new(order.clone(), self.kept.take(), clock));
        }
    }

    /// Decides the next step, unless one is being recorded.
    pub(super) fn advance(&mut self, facts: &Facts, now: Instant, clock: Timestamp) {
        let (None, Some(run)) = (&self.pending, &mut self.run) else {
            return;
        };
        let Some((next, changed)) = run.decide(facts, &self.recent, now, clock) else {
            return;
        };
        let record = Some(next.decision());
        let next = if next.phase() == RolloutPhase::Back {
            *run = next;
            log(run, changed);
            None
        } else {
            Some((next, changed))
        };
        self.pending = Some(Pending { record, next });
    }

    /// Takes the record of a decision, once, to be written.
    pub(super) fn take_record(&mut self) -> Option<Decision> {
        self.pending.as_mut()?.record.take()
    }

    /// Carries out the recorded decision, with the stable release's number of workers.
    pub(super) fn on_written(&mut self, stable_workers: u32) {
        let next = self.pending.take().and_then(|pending| pending.next);
        let (Some((mut next, changed)), Some(run)) = (next, &mut self.run) else {
            return;
        };
        // Another rollout may have been ordered meanwhile.
        if next.update(run.order()) {
            *run = next;
            log(run, changed);
            if changed == Change::TookOver {
                self.stable_workers = stable_workers;
            }
        }
    }

    /// Counts an outcome of an attempt that a worker had.
    pub(super) fn on_outcome(&mut self, outcome: &Outcome, now: Instant) {
        if outcome.ran_by.is_none() {
            return;
        }
        let run = self.run.as_mut();
        if !run.is_some_and(|run| run.on_outcome(outcome, now)) {
            self.recent.add(outcome.status, outcome.timings.ran);
        }
    }

    /// Counts a task without a pin that was begun, by the candidate or not.
    pub(super) fn on_begin(&mut self, is_candidate: bool) {
        if let Some(run) = &mut self.run {
            run.on_begin(|| is_candidate);
        }
    }

    /// Counts a read that was repeated for this rollout, and compared.
    pub(super) fn on_compared(&mut self, rollout: RolloutId, mismatches: Vec<Mismatch>) {
        if let Some(run) = self.run.as_mut().filter(|run| run.id() == rollout) {
            run.on_compared(mismatches);
        }
    }

    /// Returns the release that is to take over.
    pub(super) fn candidate(&self) -> Option<&ReleaseDigest> {
        self.run.as_ref().map(|run| &run.candidate().digest)
    }

    /// Returns true if the next task without a pin is for the candidate.
    pub(super) fn is_next(&self) -> bool {
        self.run
            .as_ref()
            .is_some_and(RolloutRun::is_candidates_turn)
    }

    /// Returns the rollout for which reads are to be repeated.
    pub(super) fn wants_shadow(&self) -> Option<RolloutId> {
        let run = self.run.as_ref().filter(|run| run.wants_repeated_reads())?;
        Some(run.id())
    }

    /// Returns the permitted difference of a number in a repeated read, as a fraction of it.
    pub(super) fn tolerance(&self) -> f64 {
        self.run.as_ref().map_or(0.0, RolloutRun::tolerance)
    }

    /// Returns true if it proceeds by time alone.
    pub(super) fn is_under_way(&self) -> bool {
        self.run.as_ref().is_some_and(RolloutRun::is_under_way)
    }

    /// Returns true if the candidate has become the stable release.
    pub(super) fn is_done(&self) -> bool {
        self.run.as_ref().map(RolloutRun::phase) == Some(RolloutPhase::Done)
    }

    /// Returns the roles of both releases, given the state of the candidate.
    pub(super) fn seats(&self, trial: Trial) -> Option<Seats> {
        let run = self.run.as_ref()?;
        let phase = run.phase();
        let has_taken_over = run.has_taken_over();
        // While a release that has taken over is watched and has no workers, the other continues.
        let serves = has_taken_over && (phase == RolloutPhase::Done || trial.takes_tasks);
        // The previous release can resume at once as long as the new one is watched.
        let is_watched = has_taken_over && phase == RolloutPhase::Rolling;
        Some(Seats {
            stable: Seat {
                is_active: !serves,
                least: if is_watched { self.stable_workers } else { 0 },
                is_brief: phase == RolloutPhase::Done,
            },
            candidate: Seat {
                is_active: serves,
                least: run.min_workers(trial.enough),
                is_brief: phase == RolloutPhase::Back,
            },
            is_back: phase == RolloutPhase::Back,
        })
    }

    /// Returns the status, as others see it.
    pub(super) fn status(&self) -> Option<RolloutStatus> {
        self.run.as_ref().map(RolloutRun::status)
    }

    /// Returns the part of the status that is reported at once when it changes.
    pub(super) fn summary(&self) -> Option<Summary<'_>> {
        self.run.as_ref().map(RolloutRun::summary)
    }
}

/// Logs its progress.
fn log(run: &RolloutRun, changed: Change) {
    let status = run.status();
    let (rollout, candidate) = (status.id, &status.candidate);
    let evidence = &status.evidence;
    match (changed, &status.problem) {
        (Change::Phase, Some(problem)) if status.phase == RolloutPhase::Back => {
            tracing::warn!(%rollout, %candidate, %problem, ?evidence, "rollout rolls back");
        }
        (Change::Phase, _) => {
            tracing::info!(%rollout, %candidate, phase = ?status.phase, "rollout proceeds");
        }
        (Change::Share, _) => {
            tracing::info!(%rollout, %candidate, share = evidence.share, "rollout proceeds");
        }
        (Change::TookOver, _) => {
            tracing::info!(%rollout, %candidate, "the candidate has taken over and is watched");
        }
    }
}

#[cfg(test)]
mod tests {
    use utakata_model::{
        RolloutPlan,
        rollout::{Go, GoOrder},
    };

    use super::*;
    use crate::samples::release;

    fn order() -> Order {
        Order {
            id: RolloutId::generate(),
            candidate: (*release("echo", "2").id).clone(),
            plan: RolloutPlan {
                shadow_answers: 0,
                canary_shares: Vec::new(),
                watch: std::time::Duration::from_secs(60),
                ..RolloutPlan::default()
            },
            go: Some(Go {
                order: GoOrder::Go,
                promoted: None,
            }),
        }
    }

    fn ready() -> Facts {
        Facts {
            is_here: true,
            ready: 1,
            enough: 1,
            ..Facts::default()
        }
    }

    const READY: Trial = Trial {
        enough: 3,
        takes_tasks: true,
    };

    /// Steps and records until nothing is left to decide.
    fn advance(rollout: &mut Rollout, now: Instant) {
        for _ in 0..10 {
            rollout.advance(&ready(), now, Timestamp::UNIX_EPOCH);
            if rollout.take_record().is_some() {
                rollout.on_written(3);
            }
        }
    }

    #[test]
    fn a_step_forward_is_done_when_it_is_recorded_and_not_before() {
        let (mut rollout, now) = (Rollout::default(), Instant::now());
        rollout.on_order(Some(&order()), Timestamp::UNIX_EPOCH);
        let phase = |rollout: &Rollout| rollout.status().map(|status| status.phase);
        rollout.advance(&ready(), now, Timestamp::UNIX_EPOCH);
        assert_eq!(phase(&rollout), Some(RolloutPhase::Waiting));
        assert!(rollout.take_record().is_some() && rollout.take_record().is_none());
        // Nothing else is decided meanwhile.
        rollout.advance(&ready(), now, Timestamp::UNIX_EPOCH);
        assert!(rollout.take_record().is_none());
        rollout.on_written(0);
        assert_eq!(phase(&rollout), Some(RolloutPhase::Starting));
    }

    #[test]
    fn a_decision_about_a_rollout_that_is_not_requested_any_more_is_dropped() {
        let (mut rollout, now) = (Rollout::default(), Instant::now());
        rollout.on_order(Some(&order()), Timestamp::UNIX_EPOCH);
        rollout.advance(&ready(), now, Timestamp::UNIX_EPOCH);
        rollout.on_order(Some(&order()), Timestamp::UNIX_EPOCH);
        rollout.on_written(0);
        assert_eq!(rollout.status().unwrap().phase, RolloutPhase::Waiting);
        rollout.on_order(None, Timestamp::UNIX_EPOCH);
        assert_eq!(rollout.status(), None);
        assert_eq!(rollout.seats(READY), None);
    }

    #[test]
    fn one_of_both_serves_and_the_stable_release_stays_while_the_candidate_is_watched() {
        let (mut rollout, now) = (Rollout::default(), Instant::now());
        rollout.on_order(Some(&order()), Timestamp::UNIX_EPOCH);
        let before = rollout.seats(READY).unwrap();
        assert!(before.stable.is_active && !before.candidate.is_active);
        assert_eq!((before.stable.least, before.candidate.least), (0, 0));
        advance(&mut rollout, now);
        let watched = rollout.seats(READY).unwrap();
        assert!(watched.candidate.is_active && !watched.stable.is_active);
        assert_eq!(watched.stable.least, 3, "as many as there were");
        // Its workers are gone: the other release continues.
        let gone = Trial {
            takes_tasks: false,
            ..READY
        };
        let gone = rollout.seats(gone).unwrap();
        assert!(gone.stable.is_active && !gone.candidate.is_active);
    }
}
