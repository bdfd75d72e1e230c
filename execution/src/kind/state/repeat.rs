//! Reads that a candidate had when it died: the stable release does them once more, so that
//! nobody misses one because a release is tried. Control is unknown, as always.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;
use utakata_model::{Class, OutcomeStatus, RanBy, RolloutPhase};
use utakata_rollout::RolloutRun;

use super::State;
use crate::{
    kind::outcome,
    pool::{attempts::Attempt, lanes::Waiting},
    worker::Number,
};

impl State {
    /// The version that does what a lost worker had: that of the stable release, where the
    /// worker was one of a candidate.
    pub(super) fn repeats_by(&self, lost: Number) -> Option<Arc<str>> {
        let is_decided = self.way.as_ref().map(RolloutRun::phase) == Some(RolloutPhase::Done);
        let (stable, candidate) = (self.stable()?, self.candidate()?);
        let mut of_candidate = self.pools[candidate].workers.iter();
        let is_of_candidate = of_candidate.any(|worker| worker.number == lost);
        let [stable, candidate] = [stable, candidate].map(|at| &self.pools[at].release.id.version);
        let is_other = stable != candidate;
        let repeats = is_of_candidate && is_other && !is_decided && !self.takes_nothing();
        repeats.then(|| stable.clone())
    }

    /// The read waits again, before all others of its target and for this version: it is
    /// repeated once, whatever becomes of it. That the candidate has failed is counted.
    pub(super) fn give_to(
        &mut self,
        version: &Arc<str>,
        attempt: &Attempt,
        ran_by: &RanBy,
        now: Instant,
        clock: Timestamp,
    ) {
        let since = attempt.begun.checked_sub(attempt.waited);
        let mut waiting = Waiting {
            since: since.unwrap_or(attempt.begun),
            task: attempt.task.clone(),
            tag: None,
            expires: attempt.expires,
        };
        Arc::make_mut(&mut waiting.task.target).pin = Some(version.to_string());
        let problem = outcome::unanswered_problem(Class::Observe, "worker-lost", "it is repeated");
        let ran = now.saturating_duration_since(attempt.begun);
        let status = OutcomeStatus::Failed;
        let failed = outcome::begun(attempt, status, Some(problem), ran_by.clone(), ran, clock);
        self.note(&failed, now);
        self.lanes.put_back(waiting);
    }
}
