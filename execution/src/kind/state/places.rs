//! What the kind could do with of the workers that the environment may run, and what it gets.

use tokio::time::Instant;
use utakata_model::{Class, Cure, PoolStatus, Problem};

use super::State;
use crate::{
    kind::pool::Pool,
    manager::{places::Need, plan},
    quota::WorkerQuota,
};

impl State {
    /// The workers are shared with the other kinds of the environment.
    pub(in crate::kind) fn share(&mut self, places: WorkerQuota) {
        self.places = places;
    }

    /// Finds out what each pool may have, from what it could do with.
    pub(super) fn ask_for_places(&mut self, observed: &mut [plan::Pool], now: Instant) {
        let needs = self.needs(observed, now);
        let there = self.there();
        let allowed = self.places.ask(&self.kind, there, needs.clone(), now);
        let pools = self.pools.iter_mut().zip(observed).zip(&needs);
        for (at, ((pool, observed), need)) in pools.enumerate() {
            let allowed = allowed
                .as_ref()
                .and_then(|allowed| allowed.get(at))
                .copied();
            pool.turn = need.turn;
            let short = allowed.filter(|allowed| need.is_short(*allowed));
            pool.short = short.map(|allowed| allowed.share);
            observed.allowed = allowed;
        }
    }

    fn needs(&self, observed: &[plan::Pool], now: Instant) -> Vec<Need> {
        let candidate = self.candidate().filter(|&at| !self.pools[at].is_stable);
        let waits = |pin| self.lanes.ready_since(Class::Control, pin).is_some();
        let of = |at: usize| {
            let pool = &self.pools[at];
            let need = observed[at].need(pool.turn, &self.times, now);
            let is_serving = pool.is_serving();
            let is_tried = candidate == Some(at) && !is_serving && need.least > 0;
            // Of a candidate, and of those that stay while it is watched, one is there in any
            // case. What it must have to take over is as much worth as what is done meanwhile.
            let is_aside = is_tried || (pool.is_stable && !is_serving);
            let enough = if is_tried { need.least } else { 0 };
            Need {
                least: if is_aside {
                    need.least.min(1)
                } else {
                    need.least
                },
                busy: need.busy.max(enough),
                is_control: waits(Some(&pool.release.id.version)) || (is_serving && waits(None)),
                is_tried,
                ..need
            }
        };
        (0..observed.len()).map(of).collect()
    }

    /// Workers that there are, also those that end.
    pub(super) fn there(&self) -> u32 {
        let there: usize = self.pools.iter().map(|pool| pool.workers.len()).sum();
        u32::try_from(there).unwrap_or(u32::MAX)
    }

    /// Says of a pool without a worker that others have them all, if that is why.
    pub(super) fn with_short(&self, pool: &Pool, status: PoolStatus) -> PoolStatus {
        let most = self.places.most().filter(|_| pool.short.is_some());
        let Some(most) = most.filter(|_| status.ready == 0 && status.problem.is_none()) else {
            return status;
        };
        let message = format!(
            "it waits for its turn: the environment runs {most} workers, as many as \
             execution.max_workers lets it"
        );
        PoolStatus {
            problem: Some(Problem::new("workers-most", Cure::Retry, message)),
            ..status
        }
    }
}
