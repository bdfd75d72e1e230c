//! What a rollout makes of the pools of a kind: who serves, how many workers the candidate has,
//! and which tasks it gets.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use utakata_model::{Class, Outcome, ReleaseDigest, RolloutPhase, RolloutStatus};
use utakata_rollout::{Change, Decision, Facts, Order, RolloutRun, Summary};

use super::State;
use crate::{kind::pool::Pool, manager::plan::Desired, worker::Number};

impl State {
    /// A rollout that an earlier life of the environment has left.
    pub(in crate::kind) fn resume(&mut self, kept: Option<Decision>) {
        self.kept = kept;
    }

    /// What is asked about a rollout from now on.
    pub(super) fn set_way(&mut self, order: Option<&Order>, clock: Timestamp) {
        let Some(order) = order else {
            self.way = None;
            return;
        };
        let is_known = self.way.as_mut().is_some_and(|way| way.update(order));
        if !is_known {
            self.way = Some(RolloutRun::new(order.clone(), self.kept.take(), clock));
        }
    }

    /// How the rollout is, if there is one.
    pub(in crate::kind) fn rollout(&self) -> Option<RolloutStatus> {
        self.way.as_ref().map(RolloutRun::status)
    }

    /// Which rollout it is, and what it waits for: what is told at once when it changes.
    pub(in crate::kind) fn rollout_in_short(&self) -> Option<Summary<'_>> {
        self.way.as_ref().map(RolloutRun::summary)
    }

    /// What was decided since this was last asked: to be written down.
    pub(in crate::kind) fn take_decided(&mut self) -> Option<Decision> {
        self.decided.take()
    }

    /// What was decided is written down: now it is done.
    pub(in crate::kind) fn on_written(&mut self) {
        self.is_deciding = false;
        let (Some((mut next, changed)), Some(way)) = (self.next.take(), &mut self.way) else {
            return;
        };
        if next.update(way.order()) {
            *way = next;
            tell(way, changed);
            if changed == Change::TookOver {
                self.held = self.stable().map_or(0, |at| self.pools[at].live());
            }
        }
    }

    /// Goes on with the rollout by a step, if it can. A step forward is taken when it is
    /// written down; one back at once, and told when it is written down.
    pub(super) fn advance(&mut self, now: Instant, clock: Timestamp) {
        let facts = self.rollout_facts();
        if !self.is_deciding
            && let Some(way) = &mut self.way
            && let Some((next, changed)) = way.decide(&facts, &self.recent, now, clock)
        {
            self.is_deciding = true;
            self.decided = Some(next.decision());
            if next.phase() == RolloutPhase::Back {
                *way = next;
                tell(way, changed);
            } else {
                self.next = Some((next, changed));
            }
        }
        self.assign();
    }

    fn rollout_facts(&self) -> Facts {
        let (Some(way), stable) = (&self.way, self.stable()) else {
            return Facts::default();
        };
        let stable = stable.map(|at| &self.pools[at]);
        let Some(candidate) = self.candidate().map(|at| &self.pools[at]) else {
            return Facts::default();
        };
        Facts {
            is_here: true,
            is_stopped: self.stop.is_some() || candidate.stop.is_some(),
            is_stable: stable
                .is_some_and(|stable| stable.release.id.digest == way.candidate().digest),
            ready: candidate.ready(),
            // More than there are places for it are not waited for.
            enough: enough(stable, candidate)
                .min(candidate.short.map_or(u32::MAX, |may| may.max(1))),
            lost: candidate.lost,
            is_looping: candidate.failures.is_loop(),
            last_problem: candidate.problem.clone(),
            trouble: candidate.trouble(),
            memory: (candidate.memory(), stable.and_then(Pool::memory)),
            is_unread: !reads(candidate) || stable.is_some_and(|stable| !reads(stable)),
            settle: settle(candidate),
        }
    }

    /// Says who serves, and how many workers there are to be because of the rollout.
    pub(super) fn assign(&mut self) {
        let (stable, candidate) = (self.stable(), self.candidate());
        let held = self.held;
        let plan = self.way.as_ref().zip(candidate).map(|(way, at)| {
            let candidate = &self.pools[at];
            let enough = enough(stable.map(|at| &self.pools[at]), candidate);
            // While the one that has taken over is watched and has nobody, the other goes on.
            let takes = candidate.ready() > 0 && candidate.stop.is_none();
            let is_there = way.phase() == RolloutPhase::Done || takes;
            let serves = way.has_taken_over() && is_there;
            (
                at,
                way.phase(),
                way.min_workers(enough),
                serves,
                way.has_taken_over(),
            )
        });
        for (at, pool) in self.pools.iter_mut().enumerate() {
            pool.is_retired = false;
            let Some(desired) = &mut pool.desired else {
                continue;
            };
            (desired.least, desired.is_brief) = (0, false);
            desired.is_active = pool.is_stable;
            let Some((candidate, phase, least, serves, has_taken_over)) = plan else {
                continue;
            };
            if at == candidate && stable != Some(at) {
                desired.is_active = serves;
                desired.least = least;
                desired.is_brief = phase == RolloutPhase::Back;
                pool.is_retired = phase == RolloutPhase::Back && !pool.is_kept;
            } else if stable == Some(at) && at != candidate {
                desired.is_active = !serves;
                // It can go on at once as long as the other is watched.
                let is_watched = has_taken_over && phase == RolloutPhase::Rolling;
                desired.least = if is_watched { held } else { 0 };
                desired.is_brief = phase == RolloutPhase::Done;
            }
        }
    }

    /// The pool that serves where no rollout says otherwise.
    pub(super) fn stable(&self) -> Option<usize> {
        self.pools
            .iter()
            .position(|pool| pool.is_stable && pool.desired.is_some())
    }

    /// The pool of the candidate, if it is here.
    pub(super) fn candidate(&self) -> Option<usize> {
        let wanted = &self.way.as_ref()?.candidate().digest;
        let is_it = |pool: &Pool| pool.desired.is_some() && pool.release.id.digest == *wanted;
        self.pools.iter().position(is_it)
    }

    /// Whether the pool at this place is of this release.
    pub(super) fn is_at(&self, at: usize, digest: &ReleaseDigest) -> bool {
        self.pools[at].release.id.digest == *digest
    }

    /// The candidate's worker for the next task without a pin, if it is one of its share, and
    /// it has room.
    pub(super) fn tried(&self) -> Option<(usize, Number)> {
        let way = self.way.as_ref()?;
        if !way.is_candidates_turn() {
            return None;
        }
        let at = self.candidate()?;
        Some((at, self.worker_of(at)?))
    }

    /// A task without a pin was begun in this pool.
    pub(super) fn count_begun(&mut self, pool: usize) {
        let candidate = self.candidate();
        if let Some(way) = &mut self.way {
            way.on_begin(|| candidate == Some(pool));
        }
    }

    /// An attempt has ended that a worker had.
    pub(super) fn note(&mut self, outcome: &Outcome, now: Instant) {
        if outcome.ran_by.is_none() {
            return;
        }
        let way = self.way.as_mut();
        if !way.is_some_and(|way| way.on_outcome(outcome, now)) {
            self.recent.add(outcome.status, outcome.timings.ran);
        }
    }
}

/// As many workers as the stable release has, or as the candidate may have.
fn enough(stable: Option<&Pool>, candidate: &Pool) -> u32 {
    let most = candidate
        .desired
        .as_ref()
        .map_or(0, |desired: &Desired| desired.size.max);
    stable.map_or(0, Pool::ready).min(most)
}

/// Whether there is anything of which a shadow could compare answers.
fn reads(pool: &Pool) -> bool {
    let mut actions = pool.release.manifest.actions.iter();
    actions.any(|action| action.class == Class::Observe)
}

/// How long targets take to show the effect of control.
fn settle(pool: &Pool) -> Duration {
    let verify = pool.release.manifest.actions.iter();
    let within = verify.filter_map(|action| {
        let verify = action.verify.as_ref()?;
        Some(verify.within + verify.grace)
    });
    within.max().unwrap_or_default()
}

/// Says, for people, how far it is.
fn tell(way: &RolloutRun, changed: Change) {
    let status = way.status();
    let (rollout, candidate) = (status.id, &status.candidate);
    let evidence = &status.evidence;
    match (changed, &status.problem) {
        (Change::Phase, Some(problem)) if status.phase == RolloutPhase::Back => {
            tracing::warn!(%rollout, %candidate, %problem, ?evidence, "rollout goes back");
        }
        (Change::Phase, _) => {
            tracing::info!(%rollout, %candidate, phase = ?status.phase, "rollout goes on");
        }
        (Change::Share, _) => {
            tracing::info!(%rollout, %candidate, share = evidence.share, "rollout goes on");
        }
        (Change::TookOver, _) => {
            tracing::info!(%rollout, %candidate, "the candidate has taken over and is watched");
        }
    }
}
