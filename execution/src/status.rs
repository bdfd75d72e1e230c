//! The status of the kinds' pools, for the publisher.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::Notify;
use utakata_model::{
    BreakerStatus, Incarnation, Kind, PoolStatus, ReleaseName, RolloutStatus, StopState,
    environment::{RefusedRelease, RestartedKind},
};
use utakata_rollout::Summary;

/// The largest number of silent targets that are reported, of all kinds together.
const MAX_BREAKERS: usize = 1000;

/// The latest reports of the kinds. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct StatusBoard(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    pools: Mutex<BTreeMap<Kind, Vec<PoolStatus>>>,
    breakers: Mutex<BTreeMap<Kind, Vec<BreakerStatus>>>,
    stopped: Mutex<BTreeMap<Kind, Option<StopState>>>,
    stopped_releases: Mutex<BTreeMap<Kind, BTreeMap<Arc<str>, StopState>>>,
    rollouts: Mutex<BTreeMap<Kind, RolloutStatus>>,
    /// The rollouts of kinds that are not served.
    absent: Mutex<Vec<RolloutStatus>>,
    missing: Mutex<Vec<RefusedRelease>>,
    restarted: Mutex<Vec<RestartedKind>>,
    /// Earlier lives of which nothing runs any more.
    over: Mutex<Vec<Incarnation>>,
    /// True while the key of the environment waits to be accepted.
    waits: Mutex<bool>,
    changed: Notify,
}

impl StatusBoard {
    /// Sets whether the key of the environment waits to be accepted.
    pub(crate) fn put_waits(&self, waits: bool) {
        if std::mem::replace(&mut *self.0.waits.lock(), waits) != waits {
            self.0.changed.notify_one();
        }
    }

    /// Returns true while the key of the environment waits to be accepted.
    pub(crate) fn waits(&self) -> bool {
        *self.0.waits.lock()
    }

    /// Sets the pools of a kind.
    pub(crate) fn put(&self, kind: &Kind, pools: Vec<PoolStatus>) {
        let mut all = self.0.pools.lock();
        let before = all.get(kind).map_or(&[][..], Vec::as_slice);
        let is_changed = !same(before, &pools);
        all.insert(kind.clone(), pools);
        drop(all);
        if is_changed {
            self.0.changed.notify_one();
        }
    }

    /// Sets the earlier lives of which nothing runs any more.
    pub(crate) fn put_over(&self, over: Vec<Incarnation>) {
        let mut known = self.0.over.lock();
        if *known != over {
            *known = over;
            self.0.changed.notify_one();
        }
    }

    /// Returns the earlier lives of which nothing runs any more.
    pub(crate) fn over(&self) -> Vec<Incarnation> {
        self.0.over.lock().clone()
    }

    /// Sets the targets of a kind that are left alone.
    pub(crate) fn put_breakers(&self, kind: &Kind, breakers: Vec<BreakerStatus>) {
        let mut all = self.0.breakers.lock();
        let before = all.get(kind).map_or(&[][..], Vec::as_slice);
        let is_changed = before != breakers;
        all.insert(kind.clone(), breakers);
        drop(all);
        if is_changed {
            self.0.changed.notify_one();
        }
    }

    /// Sets the progress of stopping a kind.
    pub(crate) fn put_stopped(&self, kind: &Kind, state: Option<StopState>) {
        let before = self.0.stopped.lock().insert(kind.clone(), state);
        if before != Some(state) {
            self.0.changed.notify_one();
        }
    }

    /// Sets the progress of stopping single releases of a kind, by version.
    pub(crate) fn put_stopped_releases(&self, kind: &Kind, states: BTreeMap<Arc<str>, StopState>) {
        let mut all = self.0.stopped_releases.lock();
        let is_changed = all
            .get(kind)
            .map_or(!states.is_empty(), |told| *told != states);
        all.insert(kind.clone(), states);
        drop(all);
        if is_changed {
            self.0.changed.notify_one();
        }
    }

    /// Sets the rollout of a kind.
    pub(crate) fn put_rollout(&self, kind: &Kind, rollout: Option<RolloutStatus>) {
        let mut all = self.0.rollouts.lock();
        let is_changed = all.get(kind) != rollout.as_ref();
        match rollout {
            Some(rollout) => all.insert(kind.clone(), rollout),
            None => all.remove(kind),
        };
        drop(all);
        if is_changed {
            self.0.changed.notify_one();
        }
    }

    /// Sets the rollouts of kinds that have nothing here to serve.
    pub(crate) fn put_absent(&self, absent: Vec<RolloutStatus>) {
        let mut known = self.0.absent.lock();
        let is_changed = *known != absent;
        *known = absent;
        drop(known);
        if is_changed {
            self.0.changed.notify_one();
        }
    }

    /// Returns true if something other than this is published about a rollout.
    pub(crate) fn knows_else(&self, kind: &Kind, now: Option<Summary>) -> bool {
        let all = self.0.rollouts.lock();
        let told = all.get(kind);
        let told = told.map(|told| (told.id, told.phase, told.paused, told.problem.as_ref()));
        told != now
    }

    /// Sets the releases that are ordered and not here.
    pub(crate) fn put_missing(&self, missing: Vec<RefusedRelease>) {
        let mut known = self.0.missing.lock();
        let is_changed = *known != missing;
        *known = missing;
        drop(known);
        if is_changed {
            self.0.changed.notify_one();
        }
    }

    /// Sets the kinds whose services have panicked.
    pub(crate) fn put_restarted(&self, restarted: Vec<RestartedKind>) {
        *self.0.restarted.lock() = restarted;
        self.0.changed.notify_one();
    }

    /// The kinds whose services have panicked.
    pub(crate) fn restarted(&self) -> Vec<RestartedKind> {
        self.0.restarted.lock().clone()
    }

    /// Removes a kind that is not served any more.
    pub(crate) fn remove(&self, kind: &Kind) {
        self.0.pools.lock().remove(kind);
        self.0.breakers.lock().remove(kind);
        self.0.stopped.lock().remove(kind);
        self.0.stopped_releases.lock().remove(kind);
        self.0.rollouts.lock().remove(kind);
        self.0.changed.notify_one();
    }

    pub(crate) fn pools(&self) -> Vec<PoolStatus> {
        let all = self.0.pools.lock();
        all.values().flatten().cloned().collect()
    }

    /// Returns the targets that are left alone, up to the limit.
    pub(crate) fn breakers(&self) -> Vec<BreakerStatus> {
        let all = self.0.breakers.lock();
        all.values().flatten().take(MAX_BREAKERS).cloned().collect()
    }

    /// Returns the rollouts of all kinds.
    pub(crate) fn rollouts(&self) -> Vec<RolloutStatus> {
        let absent = self.0.absent.lock().clone();
        let served = self.0.rollouts.lock();
        served.values().cloned().chain(absent).collect()
    }

    /// Returns the releases that are ordered and not here.
    pub(crate) fn missing(&self) -> Vec<RefusedRelease> {
        self.0.missing.lock().clone()
    }

    /// Returns the progress of stopping each kind.
    pub(crate) fn stopped(&self) -> Vec<(Kind, Option<StopState>)> {
        let all = self.0.stopped.lock();
        all.iter()
            .map(|(kind, state)| (kind.clone(), *state))
            .collect()
    }

    /// Returns the progress of stopping single releases.
    pub(crate) fn stopped_releases(&self) -> BTreeMap<ReleaseName, StopState> {
        let all = self.0.stopped_releases.lock();
        let named = all.iter().flat_map(|(kind, states)| {
            states.iter().map(move |(version, state)| {
                let name = ReleaseName {
                    kind: kind.clone(),
                    version: version.clone(),
                };
                (name, *state)
            })
        });
        named.collect()
    }

    /// Waits for a change of anything except the numbers of tasks, which change constantly.
    pub(crate) async fn changed(&self) {
        self.0.changed.notified().await;
    }
}

fn same(before: &[PoolStatus], after: &[PoolStatus]) -> bool {
    let facts = |pool: &PoolStatus| {
        let workers = (pool.starting, pool.ready, pool.draining, pool.lost);
        (
            pool.release.clone(),
            pool.active,
            workers,
            pool.problem.clone(),
        )
    };
    before.iter().map(facts).eq(after.iter().map(facts))
}
