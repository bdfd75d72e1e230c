//! The choice of the releases that this environment serves, by kind.

use std::{collections::BTreeMap, sync::Arc};

use utakata_model::{
    Cure, Kind, KindDesired, Problem, ReleaseDigest, ReleaseId, environment::RefusedRelease,
    manifest::PoolSize,
};

use super::Catalogue;
use crate::{Release, desired::Locality};

/// A release to be served.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chosen {
    pub(crate) release: Arc<Release>,
    /// True if tasks without a pin go to it, unless a rollout decides otherwise.
    pub(crate) is_active: bool,
    /// True if targets may be pinned to it.
    pub(crate) is_kept: bool,
    pub(crate) size: PoolSize,
}

/// The releases to be served.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Choice {
    pub(crate) kinds: BTreeMap<Kind, Vec<Chosen>>,
    /// The releases that should serve, or be kept, and are not here.
    pub(crate) missing: Vec<RefusedRelease>,
}

/// Chooses the releases of each kind. `desired` determines the active one, and those kept for
/// targets that are pinned to them; without it, the newest version is active and all others are
/// kept. While the release that should be active is not here, the `served` one continues.
pub(crate) fn choose(
    catalogue: &Catalogue,
    sizes: &BTreeMap<Kind, PoolSize>,
    desired: &BTreeMap<Kind, KindDesired>,
    served: &BTreeMap<Kind, ReleaseDigest>,
    here: &Locality,
) -> Choice {
    let mut choice = Choice::default();
    let mut found: BTreeMap<&Kind, Vec<&Arc<Release>>> = BTreeMap::new();
    for release in &catalogue.releases {
        found
            .entry(&release.manifest.kind)
            .or_default()
            .push(release);
    }
    let nothing = KindDesired::default();
    for (kind, releases) in &found {
        let desired = desired.get(*kind).unwrap_or(&nothing);
        if !here.is_meant(desired) {
            continue;
        }
        let active = active(releases, desired, served.get(*kind));
        let chosen = releases.iter().filter_map(|release| {
            let is_active = active == Some(&release.id.digest);
            let is_candidate = is_candidate(&release.id, desired);
            let is_kept =
                desired.kept.contains(&release.id) || (desired.stable.is_none() && !is_candidate);
            (is_active || is_kept || is_candidate).then(|| Chosen {
                release: Arc::clone(release),
                is_active,
                is_kept,
                size: sizes.get(*kind).unwrap_or(&release.manifest.pool).clone(),
            })
        });
        let chosen: Vec<Chosen> = chosen.collect();
        if !chosen.is_empty() {
            choice.kinds.insert((*kind).clone(), chosen);
        }
    }
    for (kind, desired) in desired.iter().filter(|(_, desired)| here.is_meant(desired)) {
        let here = found.get(kind).map_or(&[][..], Vec::as_slice);
        let wanted = desired.stable.iter().chain(&desired.kept);
        let is_reported = |wanted: &ReleaseId| {
            let name = format!("{}@{}", wanted.kind, wanted.version);
            let mut refused = catalogue.refused.iter();
            refused.any(|one| one.path.ends_with(&name))
        };
        let absent = wanted.filter(|wanted| {
            !here.iter().any(|r| r.id.digest == wanted.digest) && !is_reported(wanted)
        });
        choice.missing.extend(absent.map(missing));
    }
    choice
}

/// Returns the release for tasks without a pin.
fn active<'r>(
    releases: &[&'r Arc<Release>],
    desired: &KindDesired,
    served: Option<&ReleaseDigest>,
) -> Option<&'r ReleaseDigest> {
    let here = |wanted: &ReleaseDigest| {
        let found = releases.iter().find(|release| release.id.digest == *wanted);
        found.map(|release| &release.id.digest)
    };
    let newest = || {
        // A candidate serves once it has proved itself. A fetched release serves because it is
        // ordered, not because it is newer.
        let others = releases
            .iter()
            .filter(|r| !is_candidate(&r.id, desired) && !r.is_fetched);
        let newest = others.max_by_key(|release| release.manifest.version_numbers());
        newest.map(|release| &release.id.digest)
    };
    match &desired.stable {
        Some(stable) => here(&stable.digest)
            .or_else(|| here(served?))
            .or_else(newest),
        None => newest(),
    }
}

fn is_candidate(release: &ReleaseId, desired: &KindDesired) -> bool {
    let rollout = desired.rollout.as_ref();
    rollout.is_some_and(|rollout| rollout.candidate.digest == release.digest)
}

fn missing(release: &ReleaseId) -> RefusedRelease {
    let message = format!("{release} is wanted, and is not in this environment yet");
    RefusedRelease {
        path: format!("{}@{}", release.kind, release.version),
        problem: Problem::new("release-missing", Cure::Retry, message),
    }
}

#[cfg(test)]
mod tests;
