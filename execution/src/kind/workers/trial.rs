//! A candidate among the workers: its state, and the effects of a rollout on it.

use std::time::Duration;

use utakata_model::ReleaseDigest;
use utakata_rollout::Facts;

use super::{Workers, plan::Desired, pool::Pool};
use crate::kind::rollout::{Seat, Seats, Trial};

impl Workers {
    /// Returns the pool that serves unless a rollout decides otherwise.
    pub(in crate::kind) fn stable(&self) -> Option<usize> {
        self.pools
            .iter()
            .position(|pool| pool.is_stable && pool.desired.is_some())
    }

    /// Returns the pool of the candidate, if it is here.
    pub(in crate::kind) fn candidate(&self, digest: &ReleaseDigest) -> Option<usize> {
        let is_it = |pool: &Pool| pool.desired.is_some() && pool.release.id.digest == *digest;
        self.pools.iter().position(is_it)
    }

    /// Returns true if the pool at this index is of this release.
    pub(in crate::kind) fn is_of(&self, pool: usize, digest: &ReleaseDigest) -> bool {
        self.pools[pool].release.id.digest == *digest
    }

    /// Returns the version of the release of a pool.
    pub(in crate::kind) fn version_of(&self, pool: usize) -> &std::sync::Arc<str> {
        &self.pools[pool].release.id.version
    }

    /// Returns the number of the stable release's workers that take tasks, or will.
    pub(in crate::kind) fn stable_live(&self) -> u32 {
        self.stable().map_or(0, |at| self.pools[at].live())
    }

    /// Returns the state of the candidate, if it is here.
    pub(in crate::kind) fn trial(&self, digest: &ReleaseDigest) -> Option<Trial> {
        let candidate = &self.pools[self.candidate(digest)?];
        Some(Trial {
            enough: enough(self.stable().map(|at| &self.pools[at]), candidate),
            takes_tasks: candidate.ready() > 0 && candidate.stop.is_none(),
        })
    }

    /// Returns the facts by which a rollout decides. `is_stopped` is true if the whole kind is
    /// stopped.
    pub(in crate::kind) fn facts(&self, digest: &ReleaseDigest, is_stopped: bool) -> Facts {
        let stable = self.stable().map(|at| &self.pools[at]);
        let Some(candidate) = self.candidate(digest).map(|at| &self.pools[at]) else {
            return Facts::default();
        };
        Facts {
            is_here: true,
            is_stopped: is_stopped || candidate.stop.is_some(),
            is_stable: stable.is_some_and(|stable| stable.release.id.digest == *digest),
            ready: candidate.ready(),
            // Workers beyond its limit are not awaited.
            enough: enough(stable, candidate)
                .min(candidate.short.map_or(u32::MAX, |may| may.max(1))),
            lost: candidate.lost,
            is_looping: candidate.failures.is_loop(),
            last_problem: candidate.problem.clone(),
            trouble: candidate.trouble(),
            memory: (candidate.memory(), stable.and_then(Pool::memory)),
            is_unread: !candidate.reads() || stable.is_some_and(|stable| !stable.reads()),
            settle: settle(candidate),
        }
    }

    /// Assigns the release that serves, and the number of workers, according to a rollout to this
    /// candidate.
    pub(in crate::kind) fn assign(&mut self, rollout: Option<(&ReleaseDigest, Seats)>) {
        let stable = self.stable();
        let rollout = rollout.and_then(|(digest, seats)| {
            let candidate = self.candidate(digest)?;
            // A candidate that is already the stable release has nothing to take over.
            (stable != Some(candidate)).then_some((candidate, seats))
        });
        for (at, pool) in self.pools.iter_mut().enumerate() {
            pool.is_retired = false;
            let Some(desired) = &mut pool.desired else {
                continue;
            };
            let seat = match rollout {
                Some((candidate, seats)) if at == candidate => {
                    pool.is_retired = seats.is_back && !pool.is_kept;
                    seats.candidate
                }
                Some((_, seats)) if stable == Some(at) => seats.stable,
                _ => Seat {
                    is_active: pool.is_stable,
                    least: 0,
                    is_brief: false,
                },
            };
            desired.is_active = seat.is_active;
            desired.least = seat.least;
            desired.is_brief = seat.is_brief;
        }
    }
}

/// Returns the number of workers needed to take over: those of the stable release, or the limit of
/// the candidate.
fn enough(stable: Option<&Pool>, candidate: &Pool) -> u32 {
    let max = candidate
        .desired
        .as_ref()
        .map_or(0, |desired: &Desired| desired.size.max);
    stable.map_or(0, Pool::ready).min(max)
}

/// Returns the time that targets take to show the effect of control.
fn settle(pool: &Pool) -> Duration {
    let verify = pool.release.manifest.actions.iter();
    let within = verify.filter_map(|action| {
        let verify = action.verify.as_ref()?;
        Some(verify.within + verify.grace)
    });
    within.max().unwrap_or_default()
}
