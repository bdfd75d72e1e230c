//! Everything that can be named as a release: what was pushed, what comes with utakata, what
//! lies in folders.

use jiff::Timestamp;
use utakata_api::release::ReleaseSource;
use utakata_model::{Content, Kind, Manifest, PersonName, ReleaseId};

use super::Catalogue;
use crate::{
    kinds::{IndexedRelease, ReleaseIndex},
    store::{self, ReleaseRow, ShippedRelease},
};

/// A release that can be looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Which. The digest of one that comes with utakata and runs nowhere is that of its files
    /// without the program.
    pub id: ReleaseId,
    /// What it declares.
    pub manifest: Manifest,
    /// Its files; none where only an environment has them.
    pub content: Content,
    /// Where it comes from.
    pub source: ReleaseSource,
    /// Who pushed it, and when.
    pub pushed: Option<(PersonName, Timestamp)>,
}

/// A release that lies in the data directory.
#[derive(Debug, Clone, PartialEq)]
pub struct FolderRelease {
    /// Which.
    pub id: ReleaseId,
    /// What it declares.
    pub manifest: Manifest,
    /// Its files.
    pub content: Content,
}

impl From<ReleaseRow> for Entry {
    fn from(row: ReleaseRow) -> Self {
        Self {
            id: row.id,
            manifest: row.manifest,
            content: row.content,
            source: ReleaseSource::Pushed,
            pushed: Some((row.pushed_by, row.pushed_at)),
        }
    }
}

impl Catalogue {
    /// All that can be named, or what can be of a kind: what was pushed, then what lies in
    /// folders, what comes with utakata, and what only environments have. Each once.
    pub(super) async fn entries(&self, kind: Option<&Kind>) -> Result<Vec<Entry>, store::Error> {
        let is_wanted = |id: &ReleaseId| kind.is_none_or(|kind| id.kind == *kind);
        let pushed = self.store.releases(kind).await?;
        let mut entries: Vec<Entry> = pushed.into_iter().map(Entry::from).collect();
        let folder = self.folder.read().clone();
        entries.extend(folder.into_iter().map(|release| Entry {
            id: release.id,
            manifest: release.manifest,
            content: release.content,
            source: ReleaseSource::Folder,
            pushed: None,
        }));
        let had = self.kinds.releases();
        for shipped in self.store.shipped().await? {
            let mut running = had.iter().filter(|(id, manifest)| {
                let is_it = id.kind == shipped.id.kind && id.version == shipped.id.version;
                is_it && **manifest == shipped.manifest
            });
            let id = match (running.next(), running.next()) {
                (Some((id, _)), None) => id.clone(),
                _ => shipped.id,
            };
            entries.push(Entry {
                id,
                manifest: shipped.manifest,
                content: shipped.content,
                source: ReleaseSource::Shipped,
                pushed: None,
            });
        }
        for (id, manifest) in had {
            let is_there = entries
                .iter()
                .any(|entry| entry.id == id || is_same_shipped(entry, &id, &manifest));
            if !is_there {
                entries.push(Entry {
                    id,
                    manifest: (*manifest).clone(),
                    content: Content::default(),
                    source: ReleaseSource::Environment,
                    pushed: None,
                });
            }
        }
        entries.retain(|entry| is_wanted(&entry.id));
        let mut seen = std::collections::HashSet::new();
        entries.retain(|entry| seen.insert(entry.id.digest.clone()));
        Ok(entries)
    }

    /// Reads again what there is, and judges by it what environments tell.
    ///
    /// # Errors
    /// The store failed.
    pub async fn reload(&self) -> Result<(), store::Error> {
        let _one = self.reloading.lock().await;
        let pushed = self.store.releases(None).await?;
        let shipped = self.store.shipped().await?;
        let folder = self.folder.read().clone();
        let indexed = |id: ReleaseId, manifest: Manifest, source| IndexedRelease {
            id,
            manifest: manifest.into(),
            source,
        };
        let folder = folder
            .into_iter()
            .map(|one| indexed(one.id, one.manifest, ReleaseSource::Folder));
        let shipped = shipped
            .into_iter()
            .map(|one| indexed(one.id, one.manifest, ReleaseSource::Shipped));
        let pushed = pushed
            .into_iter()
            .map(|one| indexed(one.id, one.manifest, ReleaseSource::Pushed));
        let index = ReleaseIndex::new(folder.chain(shipped).chain(pushed));
        self.kinds.believe(index);
        Ok(())
    }

    /// Brings along the releases that come with this version of utakata.
    ///
    /// # Errors
    /// The store failed.
    pub async fn bring(&self, releases: &[ShippedRelease]) -> Result<(), store::Error> {
        self.store.put_shipped(releases).await?;
        self.reload().await
    }

    /// These releases lie in the data directory of the machine that is all of the site.
    ///
    /// # Errors
    /// The store failed.
    pub async fn lay_out(&self, releases: Vec<FolderRelease>) -> Result<(), store::Error> {
        *self.folder.write() = releases;
        self.reload().await
    }
}

fn is_same_shipped(entry: &Entry, id: &ReleaseId, manifest: &Manifest) -> bool {
    entry.source == ReleaseSource::Shipped
        && (&entry.id.kind, &entry.id.version) == (&id.kind, &id.version)
        && entry.manifest == *manifest
}
