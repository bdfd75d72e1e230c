//! The number of workers: from the waiting tasks, through the quota that all kinds share, to the
//! workers to start, drain and kill.

use std::time::Duration;

use tokio::time::Instant;
use utakata_model::{Cure, PoolStatus, Problem, ReleaseDigest, Stop};

use super::{
    Workers,
    plan::{self, Action, Phase},
    pool::Pool,
    select::{self, PoolFacts},
};
use crate::{
    quota::{Allowed, Need},
    worker::Number,
};

/// The time that a drained worker has to be gone once it has answered everything.
const EXIT_TIMEOUT: Duration = Duration::from_secs(2);

/// The demand for the workers of a pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::kind) struct Demanded {
    /// The time that the first in turn has been waiting.
    pub(in crate::kind) wait: Option<Duration>,
    /// The number of tasks that could begin if there were room.
    pub(in crate::kind) queued: usize,
    pub(in crate::kind) has_control: bool,
}

/// The pools as observed, with the needs of each.
#[derive(Debug)]
pub(in crate::kind) struct Observed {
    pools: Vec<plan::ObservedPool>,
    needs: Vec<Need>,
}

impl Observed {
    /// Returns the need of each pool.
    pub(in crate::kind) fn needs(&self) -> &[Need] {
        &self.needs
    }
}

impl Workers {
    /// Returns the pools as the choice of one sees them, by index.
    pub(in crate::kind) fn pools(&self) -> impl Iterator<Item = (usize, PoolFacts<'_>)> {
        self.pools.iter().map(Pool::facts).enumerate()
    }

    /// Observes the pools, with the tasks that wait for each of them.
    pub(in crate::kind) fn observe(
        &mut self,
        demanded: &[Demanded],
        candidate: Option<&ReleaseDigest>,
        stop: Option<Stop>,
        now: Instant,
    ) -> Observed {
        self.used_since = None;
        for worker in self.all_mut() {
            if worker.running > 0 {
                worker.be_busy(now);
            } else if let Phase::Draining { until, .. } = &mut worker.phase {
                // It has nothing left to do but to go.
                *until = (*until).min(now + EXIT_TIMEOUT);
            }
        }
        let candidate = candidate.and_then(|digest| self.candidate(digest));
        let is_candidate = |at: usize| candidate == Some(at) && !self.pools[at].is_stable;
        let (mut pools, mut needs) = (Vec::new(), Vec::new());
        for ((at, pool), demanded) in self.pools.iter().enumerate().zip(demanded) {
            let observed = observed(pool, demanded, stop);
            let need = observed.need(pool.turn, &self.times, now);
            needs.push(with_rollout(pool, need, demanded, is_candidate(at)));
            pools.push(observed);
        }
        for (pool, observed) in self.pools.iter_mut().zip(&mut pools) {
            let needed = observed.demand(&self.times);
            pool.demand.on(needed, now, self.warm_for);
        }
        Observed { pools, needs }
    }

    /// Decides what to do about workers, given the number that each pool may have.
    pub(in crate::kind) fn plan(
        &mut self,
        observed: Observed,
        allowed: Option<&[Allowed]>,
        now: Instant,
    ) -> Vec<Action> {
        let Observed { mut pools, needs } = observed;
        let all = self.pools.iter_mut().zip(&mut pools).zip(&needs);
        for (at, ((pool, observed), need)) in all.enumerate() {
            let allowed = allowed.and_then(|allowed| allowed.get(at)).copied();
            pool.turn = need.turn;
            let short = allowed.filter(|allowed| need.is_short(*allowed));
            pool.short = short.map(|allowed| allowed.share);
            observed.allowed = allowed;
        }
        plan::plan(&pools, &self.times, now)
    }

    /// Carries out the plan, from the last to the first action, so that the indices of pools stay
    /// valid. `fresh` provides numbers for workers, each used once.
    pub(in crate::kind) fn carry_out(
        &mut self,
        actions: Vec<Action>,
        mut fresh: impl FnMut() -> Number,
        now: Instant,
    ) {
        for action in actions.into_iter().rev() {
            match action {
                Action::Start { pool } => self.start(pool, fresh(), now),
                Action::Close { pool } => {
                    self.pools.remove(pool);
                }
                Action::Kill { worker, why } => self.kill(worker, why, now),
                Action::Drain { worker, within } => self.drain(worker, within, now),
            }
        }
    }

    /// Returns the status of the pools while that many tasks wait.
    pub(in crate::kind) fn status(&self, waiting: usize) -> Vec<PoolStatus> {
        let facts: Vec<_> = self.pools.iter().map(Pool::facts).collect();
        let active = select::pool(&facts, None);
        let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        let status = |(at, pool): (usize, &Pool)| {
            let is_active = active == Some(at);
            let status = pool.status(is_active, if is_active { waiting } else { 0 });
            self.with_shortage(pool, status)
        };
        self.pools.iter().enumerate().map(status).collect()
    }

    /// Reports for a pool without a worker that others have them all, if that is the reason.
    fn with_shortage(&self, pool: &Pool, status: PoolStatus) -> PoolStatus {
        let quota = self.quota.filter(|_| pool.short.is_some());
        let Some(quota) = quota.filter(|_| status.ready == 0 && status.problem.is_none()) else {
            return status;
        };
        let message = format!(
            "it waits for its turn: the environment runs {quota} workers, as many as \
             execution.max_workers lets it"
        );
        PoolStatus {
            problem: Some(Problem::new("worker-limit", Cure::Retry, message)),
            ..status
        }
    }
}

/// Returns a pool as the plan sees it.
fn observed(pool: &Pool, demanded: &Demanded, stop: Option<Stop>) -> plan::ObservedPool {
    plan::ObservedPool {
        desired: pool.desired.clone(),
        is_stopped: [stop, pool.stop].contains(&Some(Stop::Drain)),
        workers: pool
            .workers
            .iter()
            .map(|worker| worker.observed())
            .collect(),
        wait: demanded.wait,
        queued: demanded.queued as u64,
        warm: pool.demand.peak(),
        failures: pool.failures,
        allowed: None,
    }
}

/// Returns the need of a pool in its role in a rollout.
fn with_rollout(pool: &Pool, need: Need, demanded: &Demanded, is_candidate: bool) -> Need {
    let is_serving = pool.is_serving();
    let is_tried = is_candidate && !is_serving && need.least > 0;
    // A candidate, and a release that stays while it is watched, always have one worker. The
    // workers needed to take over rank as high as those for running tasks.
    let is_aside = is_tried || (pool.is_stable && !is_serving);
    let enough = if is_tried { need.least } else { 0 };
    Need {
        least: match is_aside {
            true => need.least.min(1),
            false => need.least,
        },
        busy: need.busy.max(enough),
        is_control: demanded.has_control,
        is_tried,
        ..need
    }
}
