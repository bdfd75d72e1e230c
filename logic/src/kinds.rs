//! Which kinds are served, by which releases: learned from what the environments tell.

mod served;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use parking_lot::RwLock;
use tokio::sync::watch;
use utakata_model::{
    EnvironmentId, EnvironmentState, EnvironmentStatus, Kind, PoolStatus, ReleaseDigest, Zone,
};

use served::Compiled;
pub use served::{Served, ServedAction};

/// What the environments have told. Cheap to share; readers get a snapshot.
#[derive(Debug)]
pub struct Kinds {
    state: RwLock<State>,
    changed: watch::Sender<u64>,
}

/// The kinds that are served now.
pub type Snapshot = Arc<BTreeMap<Kind, Arc<Served>>>;

#[derive(Debug, Default)]
struct State {
    environments: BTreeMap<EnvironmentId, Arc<EnvironmentStatus>>,
    served: Snapshot,
    /// By digest, because statuses come often and schemas take long to compile.
    compiled: HashMap<ReleaseDigest, Arc<Compiled>>,
}

impl Default for Kinds {
    fn default() -> Self {
        Self {
            state: RwLock::default(),
            changed: watch::channel(0).0,
        }
    }
}

impl Kinds {
    /// Takes in what an environment tells. Wakes those who follow when other kinds or other
    /// releases are served than before.
    pub fn hear(&self, status: &Arc<EnvironmentStatus>) {
        let mut state = self.state.write();
        let before = state
            .environments
            .insert(status.id.clone(), Arc::clone(status));
        if before.is_some_and(|before| serves(&before) == serves(status)) {
            return;
        }
        state.rebuild();
        drop(state);
        self.changed.send_modify(|generation| *generation += 1);
    }

    /// The kinds that are served now.
    pub fn served(&self) -> Snapshot {
        Arc::clone(&self.state.read().served)
    }

    /// Every environment that was heard of.
    pub fn environments(&self) -> Vec<Arc<EnvironmentStatus>> {
        self.state.read().environments.values().cloned().collect()
    }

    /// Changes whenever other kinds or releases are served.
    pub fn follow(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

impl State {
    fn rebuild(&mut self) {
        let mut served: BTreeMap<Kind, Served> = BTreeMap::new();
        let mut compiled = HashMap::new();
        for status in self.environments.values() {
            for pool in active(status) {
                let digest = &pool.release.digest;
                let schemas = self
                    .compiled
                    .get(digest)
                    .cloned()
                    .unwrap_or_else(|| Arc::new(Compiled::build(&pool.manifest)));
                compiled.insert(digest.clone(), Arc::clone(&schemas));
                served
                    .entry(pool.release.kind.clone())
                    .or_insert_with(|| Served::new(pool, &schemas))
                    .join(status, pool, &schemas);
            }
        }
        self.compiled = compiled;
        let served = served.into_iter().map(|(kind, one)| (kind, Arc::new(one)));
        self.served = Arc::new(served.collect());
    }
}

/// The pools that new tasks go to.
fn active(status: &EnvironmentStatus) -> impl Iterator<Item = &PoolStatus> {
    let is_there = status.state == EnvironmentState::Running;
    status
        .pools
        .iter()
        .filter(move |pool| is_there && pool.active)
}

/// What of a status decides which kinds are served.
fn serves(status: &EnvironmentStatus) -> (&Zone, Vec<&ReleaseDigest>) {
    let digests = active(status).map(|pool| &pool.release.digest);
    (&status.zone, digests.collect())
}

#[cfg(test)]
mod tests;
