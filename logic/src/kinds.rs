//! The kinds that are served in each zone, and their releases.
//!
//! ```text
//! catalogue ─► ReleaseIndex: the declarations of each release ─┐
//!                                                              ├─► served, by kind and zone
//! statuses ──► the releases that an environment has, by zone ──┘
//! ```
//!
//! An environment reports the releases that it serves, for its own zone. Their declarations come
//! from the catalogue, so no status affects the tasks of another zone.

mod index;
mod judge;
mod report;
mod served;
mod twins;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use jiff::SignedDuration;
use parking_lot::RwLock;
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use utakata_api::environment::Trust;
use utakata_model::{
    EnvironmentId, EnvironmentKey, EnvironmentState, EnvironmentStatus, Kind, Manifest, Problem,
    ReleaseDigest, ReleaseId, Signer, Zone,
};
use utakata_seal::signer_of;

pub use index::{IndexedRelease, ReleaseIndex};
pub use report::Claim;
use report::Report;
use served::{Choice, Schemas};
pub use served::{Served, ServedAction, ServedKinds};
use twins::Twins;

/// The time after which a lasting problem is logged: a release may be reported before the catalogue
/// is reloaded.
const LOGGED_AFTER: Duration = Duration::from_secs(3);

/// The time after a start for which requests wait for the first environment.
const FIRST_WITHIN: Duration = Duration::from_secs(5);

/// The silence after which another key may be reported for an environment.
const SILENT: Duration = Duration::from_secs(30);

/// The reports of environments, judged by the catalogue. Cheap to share; readers get a snapshot.
#[derive(Debug)]
pub struct Kinds {
    state: RwLock<State>,
    changed: watch::Sender<u64>,
    doubts: Notify,
    began: Instant,
}

/// The accepted key of an environment, and the zone for which it is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    pub key: EnvironmentKey,
    pub zone: Zone,
}

/// The kinds that are served now.
pub type KindsSnapshot = Arc<ServedKinds>;

#[derive(Debug, Default)]
struct State {
    index: Arc<ReleaseIndex>,
    zones: BTreeMap<EnvironmentId, Zone>,
    /// The keys of environments, each for one zone.
    keys: BTreeMap<EnvironmentId, (Zone, Trust)>,
    /// The accepted environments, by the keys that sign their messages.
    signers: HashMap<Signer, (EnvironmentId, Zone)>,
    environments: BTreeMap<EnvironmentId, Report>,
    twins: Twins,
    /// The release that is set to serve each kind.
    preferred: BTreeMap<Kind, ReleaseDigest>,
    served: KindsSnapshot,
    schemas: Schemas,
    ignored: BTreeMap<EnvironmentId, Vec<Claim>>,
    /// Problems that are logged if they last, with the time since which they exist.
    standing: BTreeMap<(EnvironmentId, String), Instant>,
    logged: BTreeSet<(EnvironmentId, String)>,
}

impl Default for Kinds {
    fn default() -> Self {
        Self {
            state: RwLock::default(),
            changed: watch::channel(0).0,
            doubts: Notify::new(),
            began: Instant::now(),
        }
    }
}

impl Kinds {
    /// Applies the report of an environment. Wakes followers if different kinds or releases are
    /// served than before.
    pub fn hear(&self, status: &Arc<EnvironmentStatus>) {
        let mut state = self.state.write();
        state.twins.hear(status, Instant::now());
        let heard = Report::now(Arc::clone(status));
        let before = state.environments.insert(status.id.clone(), heard);
        if before.is_some_and(|before| before.says_the_same_as(status)) {
            return;
        }
        let has_doubts = state.rebuild();
        drop(state);
        if has_doubts {
            self.doubts.notify_one();
        }
        self.changed.send_modify(|generation| *generation += 1);
    }

    /// Shifts times after the clock was set, so that reports keep their age.
    pub fn shift(&self, step: SignedDuration) {
        for heard in self.state.write().environments.values_mut() {
            let status = Arc::make_mut(&mut heard.status);
            status.time = status.time.checked_add(step).unwrap_or(status.time);
            status.shift(step);
        }
    }

    /// Applies the releases of the catalogue.
    pub fn believe(&self, index: ReleaseIndex) {
        let mut state = self.state.write();
        if *state.index == index {
            return;
        }
        state.index = Arc::new(index);
        state.rebuild();
        drop(state);
        self.changed.send_modify(|generation| *generation += 1);
    }

    /// Sets the preferred releases: where one of them can serve its kind, it has precedence over
    /// newer ones.
    pub fn prefer(&self, preferred: BTreeMap<Kind, ReleaseDigest>) {
        let mut state = self.state.write();
        if state.preferred == preferred {
            return;
        }
        state.preferred = preferred;
        state.rebuild();
        drop(state);
        self.changed.send_modify(|generation| *generation += 1);
    }

    /// Applies the zones of the environments. The report of another one counts once it has a zone.
    pub fn settle_zones(&self, zones: BTreeMap<EnvironmentId, Zone>) {
        let mut state = self.state.write();
        if state.zones == zones {
            return;
        }
        state.zones = zones;
        state.rebuild();
        drop(state);
        self.changed.send_modify(|generation| *generation += 1);
    }

    /// Applies the keys of the environments. The report of one whose key is not accepted does not
    /// count.
    pub fn trust(&self, keys: BTreeMap<EnvironmentId, (Zone, Trust)>) {
        let mut state = self.state.write();
        if state.keys == keys {
            return;
        }
        state.signers = signers(&keys);
        state.keys = keys;
        state.rebuild();
        drop(state);
        self.changed.send_modify(|generation| *generation += 1);
    }

    /// Returns what was decided about the key of an environment, and for which zone.
    pub fn trust_in(&self, id: &EnvironmentId) -> Option<(Zone, Trust)> {
        self.state.read().keys.get(id).cloned()
    }

    /// Returns the accepted key of an environment.
    pub fn accepted(&self, id: &EnvironmentId) -> Option<Accepted> {
        let state = self.state.read();
        let (zone, trust) = state.keys.get(id)?;
        let is_its_zone = state.zones.get(id) == Some(zone);
        match trust {
            Trust::Accepted(trusted) if is_its_zone => Some(Accepted {
                key: trusted.key.clone(),
                zone: zone.clone(),
            }),
            _ => None,
        }
    }

    /// Returns the accepted environment whose messages this key signs, and its zone.
    pub fn signed_by(&self, signer: &Signer) -> Option<(EnvironmentId, Zone)> {
        self.state.read().signers.get(signer).cloned()
    }

    /// Returns true if an environment has reported this key, accepted or not.
    pub fn has_reported(&self, signer: &Signer) -> bool {
        let state = self.state.read();
        let reports = state.environments.values();
        let mut keys = reports.filter_map(|heard| heard.status.key.as_ref());
        keys.any(|report| signer_of(&report.public).as_ref() == Some(signer))
    }

    /// Returns true if a report counts: its key is accepted for its zone.
    pub fn counts(&self, status: &EnvironmentStatus) -> bool {
        let accepted = self.accepted(&status.id);
        accepted.is_some_and(|accepted| {
            let public = status.key.as_ref().map(|report| &report.public);
            accepted.zone == status.zone && Some(&accepted.key) == public
        })
    }

    /// Returns true if another key may be reported for an environment: it has none that signs, or
    /// is not there.
    pub fn is_replaceable(&self, id: &EnvironmentId) -> bool {
        let signs = |accepted: Accepted| signer_of(&accepted.key).is_some();
        if !self.accepted(id).is_some_and(signs) {
            return true;
        }
        let state = self.state.read();
        state.environments.get(id).is_none_or(|heard| {
            heard.status.state == EnvironmentState::Gone || heard.at.elapsed() > SILENT
        })
    }

    /// Settles the zone of an environment, unless it has one.
    pub fn settle_zone(&self, id: &EnvironmentId, zone: &Zone) {
        let mut state = self.state.write();
        if state.zones.contains_key(id) {
            return;
        }
        state.zones.insert(id.clone(), zone.clone());
        state.rebuild();
        drop(state);
        self.changed.send_modify(|generation| *generation += 1);
    }

    /// Returns the zone of an environment, if it has one.
    pub fn zone_of(&self, id: &EnvironmentId) -> Option<Zone> {
        self.state.read().zones.get(id).cloned()
    }

    /// Forgets an environment and its zone.
    pub fn forget(&self, id: &EnvironmentId) {
        {
            let mut state = self.state.write();
            state.zones.remove(id);
            state.keys.remove(id);
            state.signers = signers(&state.keys);
        }
        self.forget_status(id);
    }

    /// Forgets the status of an environment.
    pub fn forget_status(&self, id: &EnvironmentId) {
        let mut state = self.state.write();
        state.twins.forget(id);
        if state.environments.remove(id).is_none() {
            return;
        }
        state.rebuild();
        drop(state);
        self.changed.send_modify(|generation| *generation += 1);
    }

    /// Returns the kinds that are served now.
    pub fn served(&self) -> KindsSnapshot {
        Arc::clone(&self.state.read().served)
    }

    /// Returns the manifests of releases, as the catalogue has them.
    pub fn index(&self) -> Arc<ReleaseIndex> {
        Arc::clone(&self.state.read().index)
    }

    /// Returns every known environment, by its own report.
    pub fn environments(&self) -> Vec<Arc<EnvironmentStatus>> {
        let state = self.state.read();
        let heard = state.environments.values();
        heard.map(|heard| Arc::clone(&heard.status)).collect()
    }

    /// Returns every known environment that is in its own zone.
    pub fn in_their_zones(&self) -> Vec<Arc<EnvironmentStatus>> {
        let state = self.state.read();
        let heard = state.environments.values().map(|heard| &heard.status);
        let counting = heard.filter(|status| state.is_in_its_zone(status));
        counting.cloned().collect()
    }

    /// Returns the time since an environment's last report.
    pub fn silent_for(&self, id: &EnvironmentId) -> Option<Duration> {
        let state = self.state.read();
        state.environments.get(id).map(|heard| heard.at.elapsed())
    }

    /// Returns the releases that environments have and that count, with their declarations.
    pub fn releases(&self) -> Vec<(ReleaseId, Arc<Manifest>)> {
        let state = self.state.read();
        let counting = state.environments.values();
        let mut releases: Vec<_> = counting
            .filter(|heard| state.is_in_its_zone(&heard.status))
            .flat_map(|heard| judge::counting(&heard.status, &state.index))
            .collect();
        releases.sort_by(|(one, _), (other, _)| one.cmp(other));
        releases.dedup_by(|(one, _), (other, _)| one == other);
        releases
    }

    /// Returns the claims of environments that are ignored, with the reasons.
    pub fn ignored(&self) -> BTreeMap<EnvironmentId, Vec<Claim>> {
        self.state.read().ignored.clone()
    }

    /// Returns all problems with the reports of environments.
    pub fn problems(&self) -> Vec<Problem> {
        let state = self.state.read();
        let claims = state.ignored.values().flatten();
        let claims = claims.map(|claim| claim.problem.clone());
        let twins = state.twins.problems(Instant::now());
        claims.chain(twins.into_values()).collect()
    }

    /// Returns the environments that two processes run as.
    pub fn twins(&self) -> BTreeMap<EnvironmentId, Problem> {
        self.state.read().twins.problems(Instant::now())
    }

    /// Returns a receiver that changes whenever other kinds or releases are served.
    pub fn follow(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Waits until anything is served, if this process has only begun: whoever follows its start asks
    /// at once.
    pub async fn first(&self) {
        let until = self.began + FIRST_WITHIN;
        let mut changed = self.follow();
        while self.served().kinds().next().is_none() {
            tokio::select! {
                Ok(()) = changed.changed() => {}
                () = tokio::time::sleep_until(until) => return,
            }
        }
    }

    /// Waits until an environment reports a release that the catalogue does not know: others may
    /// have pushed it.
    pub async fn doubts(&self) {
        self.doubts.notified().await;
    }

    /// Logs, once each, the claims that have been ignored for a while.
    pub fn log_what_stays(&self) {
        let mut state = self.state.write();
        let due: Vec<_> = state
            .standing
            .iter()
            .filter(|(key, since)| since.elapsed() >= LOGGED_AFTER && !state.logged.contains(key))
            .map(|(key, _)| key.clone())
            .collect();
        for (environment, problem) in due {
            tracing::warn!(%environment, problem, "the report of an environment is ignored");
            state.logged.insert((environment, problem));
        }
    }
}

fn signers(
    keys: &BTreeMap<EnvironmentId, (Zone, Trust)>,
) -> HashMap<Signer, (EnvironmentId, Zone)> {
    let accepted = keys.iter().filter_map(|(id, (zone, trust))| match trust {
        Trust::Accepted(known) => Some((signer_of(&known.key)?, (id.clone(), zone.clone()))),
        Trust::Expected | Trust::Revoked(_) => None,
    });
    accepted.collect()
}

impl State {
    fn is_in_its_zone(&self, status: &EnvironmentStatus) -> bool {
        self.zones.get(&status.id) == Some(&status.zone)
    }

    /// Returns the key of an environment that is not accepted. One without a key is lent nothing,
    /// and needs no acceptance. One that has ended waits for nothing.
    fn waiting<'s>(&self, status: &'s EnvironmentStatus) -> Option<&'s EnvironmentKey> {
        let public = &status.key.as_ref()?.public;
        let is_accepted = matches!(
            self.keys.get(&status.id),
            Some((zone, Trust::Accepted(known))) if *zone == status.zone && known.key == *public
        );
        (!is_accepted && status.state != EnvironmentState::Gone).then_some(public)
    }

    /// Recomputes what is served. Returns true if anything is ignored.
    fn rebuild(&mut self) -> bool {
        let mut choice = Choice::default();
        let mut ignored: BTreeMap<EnvironmentId, Vec<Claim>> = BTreeMap::new();
        for (id, heard) in &self.environments {
            let status = &heard.status;
            let mut claims = Vec::new();
            match self.zones.get(id) {
                Some(zone) if *zone == status.zone => match self.waiting(status) {
                    Some(key) => claims.push(Claim::of_key(status, key)),
                    None => judge::judge(status, &self.index, &mut choice, &mut claims),
                },
                Some(zone) => claims.push(Claim::of_zone(status, zone)),
                // It counts as soon as it has a zone.
                None => {}
            }
            if !claims.is_empty() {
                ignored.insert(id.clone(), claims);
            }
        }
        let served = choice.decide(&self.preferred, &mut self.schemas, &mut ignored);
        self.served = Arc::new(served);
        let keys: BTreeSet<(EnvironmentId, String)> = ignored
            .iter()
            .flat_map(|(id, claims)| {
                let problems = claims.iter().map(|claim| claim.problem.message.to_string());
                problems.map(|problem| (id.clone(), problem))
            })
            .collect();
        let now = Instant::now();
        self.standing.retain(|key, _| keys.contains(key));
        self.logged.retain(|key| keys.contains(key));
        for key in keys {
            self.standing.entry(key).or_insert(now);
        }
        self.ignored = ignored;
        !self.ignored.is_empty()
    }
}

#[cfg(test)]
mod tests;
