//! The releases in an environment's report that count, and the manifest that applies. Pure.
//!
//! ```text
//! the catalogue has the digest ──── and says the same ──► by the catalogue's manifest
//!        │                     └─── and says otherwise ─► ignored: it contradicts
//! it has the kind and version ───── shipped, and declares the same ─► by the catalogue's
//!        │                     └─── otherwise ──────────► ignored: it contradicts
//! it ships the kind ────────────────────────────────────► ignored: unknown
//! otherwise ────────────────────────────────────────────► as told, in the zone of the
//!                                                         environment, where the catalogue's
//!                                                         releases do not serve
//! ```

use std::sync::Arc;

use utakata_api::release::ReleaseSource;
use utakata_model::{EnvironmentState, EnvironmentStatus, Manifest, PoolStatus, ReleaseId};

use super::{
    Claim, ReleaseIndex,
    served::{Candidate, Choice},
};

/// The manifest by which a release counts.
pub(super) enum Judgement {
    Catalogue(Arc<Manifest>),
    /// The reported one: only in the zone of the environment that reported it.
    Reported(Arc<Manifest>),
    Ignored(Claim),
}

/// Judges a release of an environment in this zone.
pub(super) fn verdict(
    status: &EnvironmentStatus,
    pool: &PoolStatus,
    index: &ReleaseIndex,
) -> Judgement {
    let (release, told) = (&pool.release, &pool.manifest);
    let contradicts = |why: &str| Judgement::Ignored(Claim::contradicts(status, release, why));
    if told.kind != release.kind || *told.version != *release.version {
        return contradicts("its manifest has another kind or version");
    }
    if let Some(known) = index.by_digest(&release.digest) {
        if known.id != *release {
            return contradicts(&format!("its digest is that of {}", known.id));
        }
        if known.manifest != *told {
            return contradicts("it declares something other than the release of its digest");
        }
        return Judgement::Catalogue(Arc::clone(&known.manifest));
    }
    let of_kind = index.of_kind(&release.kind);
    let mut of_version = of_kind
        .iter()
        .filter(|known| known.id.version == release.version)
        .peekable();
    if of_version.peek().is_some() {
        let declared = of_version
            .find(|known| known.source == ReleaseSource::Shipped && known.manifest == *told);
        return match declared {
            Some(known) => Judgement::Catalogue(Arc::clone(&known.manifest)),
            None => contradicts("another release of this version is in the catalogue"),
        };
    }
    if index.is_shipped(&release.kind) {
        return Judgement::Ignored(Claim::unknown(status, release));
    }
    Judgement::Reported(Arc::clone(told))
}

/// Judges all releases of an environment that is in its own zone.
pub(super) fn judge(
    status: &Arc<EnvironmentStatus>,
    index: &ReleaseIndex,
    choice: &mut Choice,
    claims: &mut Vec<Claim>,
) {
    let is_there = status.state == EnvironmentState::Running;
    for pool in &status.pools {
        let (manifest, is_of_catalogue) = match verdict(status, pool, index) {
            Judgement::Catalogue(manifest) => (manifest, true),
            Judgement::Reported(manifest) => (manifest, false),
            Judgement::Ignored(claim) => {
                claims.push(claim);
                continue;
            }
        };
        if is_there && pool.active {
            choice.add(Candidate {
                status: Arc::clone(status),
                release: pool.release.clone(),
                manifest,
                is_of_catalogue,
            });
        }
    }
}

/// Returns the releases of an environment that count.
pub(super) fn counting(
    status: &EnvironmentStatus,
    index: &ReleaseIndex,
) -> Vec<(ReleaseId, Arc<Manifest>)> {
    let judged = status.pools.iter().filter_map(|pool| {
        let manifest = match verdict(status, pool, index) {
            Judgement::Catalogue(manifest) | Judgement::Reported(manifest) => manifest,
            Judgement::Ignored(_) => return None,
        };
        Some((pool.release.clone(), manifest))
    });
    judged.collect()
}
