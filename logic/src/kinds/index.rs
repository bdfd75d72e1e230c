//! The declarations of the releases in the catalogue. Pure.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use utakata_api::release::ReleaseSource;
use utakata_model::{Kind, Manifest, ReleaseDigest, ReleaseId};

/// The releases of the catalogue, by digest and by version.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReleaseIndex {
    by_digest: HashMap<ReleaseDigest, Arc<IndexedRelease>>,
    by_kind: BTreeMap<Kind, Vec<Arc<IndexedRelease>>>,
}

/// A release of the catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexedRelease {
    pub id: ReleaseId,
    pub manifest: Arc<Manifest>,
    /// The origin of the release.
    pub source: ReleaseSource,
}

impl ReleaseIndex {
    /// Creates an index of these releases. Those shipped with utakata are known by their
    /// declarations: the program differs between architectures, and so does the digest of the
    /// whole.
    pub fn new(releases: impl IntoIterator<Item = IndexedRelease>) -> Self {
        let mut index = Self::default();
        for release in releases {
            let release = Arc::new(release);
            let of_kind = index.by_kind.entry(release.id.kind.clone()).or_default();
            of_kind.push(Arc::clone(&release));
            if release.source != ReleaseSource::Shipped {
                let digest = release.id.digest.clone();
                index.by_digest.insert(digest, release);
            }
        }
        index
    }

    /// Returns the release of this digest, among those whose digests cover everything.
    pub fn by_digest(&self, digest: &ReleaseDigest) -> Option<&Arc<IndexedRelease>> {
        self.by_digest.get(digest)
    }

    /// Returns the releases of a kind.
    pub fn of_kind(&self, kind: &Kind) -> &[Arc<IndexedRelease>] {
        self.by_kind.get(kind).map_or(&[], Vec::as_slice)
    }

    /// Returns true if a kind is shipped with utakata.
    pub fn is_shipped(&self, kind: &Kind) -> bool {
        let mut releases = self.of_kind(kind).iter();
        releases.any(|release| release.source == ReleaseSource::Shipped)
    }
}
