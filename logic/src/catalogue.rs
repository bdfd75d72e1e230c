//! The catalogue: the releases that environments can be ordered to run, with all their files.
//!
//! Pushed and shipped releases are in the store, so that every logic environment can serve them for
//! as long as the store exists. On a machine that is the whole site, the releases in the data
//! directory belong to the catalogue as well. The declarations of a release come from here, and
//! never from the reports of environments ([`crate::kinds`]).

mod answer;
mod breaks;
mod check;
mod diff;
mod entry;
mod error;
mod find;

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::RwLock;
use tokio::sync::{Mutex, Semaphore};
use utakata_api::release::{
    Break, MAX_FILE_SIZE, NewRelease, ReleaseDiff, ReleaseReference, ReleaseSource, ReleaseSummary,
    ReleaseView,
};
use utakata_model::{
    Content, EnvironmentId, FileDigest, Kind, Manifest, PersonName, ReleaseDigest, ReleaseId,
    Selector, Target, Zone, content::MANIFEST_FILE,
};

pub use answer::{MAX_WAITING, answer};
pub use diff::diff;
pub use entry::{CatalogueEntry, FolderRelease};
pub use error::Error;

use crate::{
    inventory::Inventory,
    kinds::{Kinds, Served},
    store::{self, PutRelease, ReleaseRow, Store},
};

/// The total size of files that are received at a time, in mebibytes: one of the largest.
const MAX_RECEIVED: u32 = (MAX_FILE_SIZE >> 20) as u32;

/// The catalogue of a store. Cheap to share.
pub struct Catalogue {
    store: Arc<dyn Store>,
    kinds: Arc<Kinds>,
    inventory: Arc<Inventory>,
    folder: RwLock<Vec<FolderRelease>>,
    /// Releases that were in a folder before its content changed, the latest last.
    replaced: RwLock<Vec<FolderRelease>>,
    receiving: Semaphore,
    /// Held while the catalogue is reloaded, so that the latest reload counts.
    reloading: Mutex<()>,
}

/// The result of a push.
#[derive(Debug, Clone, PartialEq)]
pub struct Pushed {
    pub row: ReleaseRow,
    /// True if it was not there before.
    pub is_new: bool,
}

impl Catalogue {
    /// Creates the catalogue of a store.
    pub fn new(store: Arc<dyn Store>, kinds: Arc<Kinds>, inventory: Arc<Inventory>) -> Self {
        Self {
            store,
            kinds,
            inventory,
            folder: RwLock::default(),
            replaced: RwLock::default(),
            receiving: Semaphore::new(MAX_RECEIVED as usize),
            reloading: Mutex::default(),
        }
    }

    /// Adds a release whose files are all there. Adding the same one again changes only its
    /// signatures, if it has any.
    ///
    /// # Errors
    /// It is not a release, files are missing, another release has its kind and version, or the
    /// store failed.
    pub async fn push(&self, new: NewRelease, by: PersonName) -> Result<Pushed, Error> {
        let mut content = Content { files: new.files };
        check::content(&content)?;
        let missing = self.store.missing_files(&content.files).await?;
        if !missing.is_empty() {
            return Err(Error::missing(&content, &missing));
        }
        let manifest = self.manifest(&content).await?;
        check::manifest(&content, &manifest)?;
        let digest = content.release_digest(&manifest.run);
        check::digest(&digest, new.digest.as_ref())?;
        let before = self.store.release(&digest).await?;
        self.refuse_shipped(&manifest)?;
        if let Some(before) = &before {
            check::keep_signatures(&mut content, &before.content);
        }
        let row = ReleaseRow {
            id: ReleaseId {
                kind: manifest.kind.clone(),
                version: manifest.version.as_str().into(),
                digest,
            },
            manifest,
            content,
            pushed_by: by,
            pushed_at: crate::clock::now(),
        };
        match self.store.put_release(&row).await? {
            PutRelease::New => {
                self.reload().await?;
                Ok(Pushed { row, is_new: true })
            }
            PutRelease::Again => Ok(Pushed {
                row: ReleaseRow {
                    content: row.content.clone(),
                    ..before.unwrap_or(row)
                },
                is_new: false,
            }),
            PutRelease::Taken(by) => Err(Error::Taken { by }),
            PutRelease::Missing(missing) => Err(Error::missing(&row.content, &missing)),
        }
    }

    /// Parses the manifest in a content.
    async fn manifest(&self, content: &Content) -> Result<Manifest, Error> {
        let Some(file) = content.file(MANIFEST_FILE) else {
            return Err(Error::invalid(format!("there is no {MANIFEST_FILE}")));
        };
        let mut bytes = Vec::new();
        for part in 0.. {
            if bytes.len() as u64 >= file.size {
                break;
            }
            let Some(next) = self.store.file_part(&file.digest, part).await? else {
                return Err(Error::missing(content, std::slice::from_ref(&file.digest)));
            };
            bytes.extend(next);
        }
        let text = String::from_utf8(bytes)
            .map_err(|_| Error::invalid(format!("{MANIFEST_FILE} is not a text in UTF-8")))?;
        Manifest::parse(&text).map_err(|error| Error::invalid(error.to_string()))
    }

    /// Waits until that many bytes may be received; they count until the guard is dropped.
    pub(crate) async fn receive(&self, bytes: u64) -> Option<tokio::sync::SemaphorePermit<'_>> {
        let mebibytes = u32::try_from(bytes.div_ceil(1 << 20)).unwrap_or(MAX_RECEIVED);
        let permits = mebibytes.clamp(1, MAX_RECEIVED);
        self.receiving.acquire_many(permits).await.ok()
    }

    /// Stores the content of a file.
    ///
    /// # Errors
    /// It is too large, it has another digest, or the store failed.
    pub async fn put_file(&self, digest: &FileDigest, bytes: &[u8]) -> Result<(), Error> {
        check::file(digest, bytes)?;
        Ok(self.store.put_file(digest, bytes).await?)
    }

    /// Refuses a version that is shipped with utakata.
    fn refuse_shipped(&self, manifest: &Manifest) -> Result<(), Error> {
        let index = self.kinds.index();
        let of_version = index.of_kind(&manifest.kind).iter().filter(|known| {
            known.source == ReleaseSource::Shipped && *known.id.version == *manifest.version
        });
        let mut of_version = of_version.peekable();
        let Some(shipped) = of_version.peek().map(|known| known.id.clone()) else {
            return Ok(());
        };
        match of_version.any(|known| *known.manifest == *manifest) {
            true => Ok(()),
            false => Err(Error::Taken { by: shipped }),
        }
    }

    /// Returns all releases, or those of a kind, pushed ones first, ordered by kind. Releases that
    /// only environments have do not belong to the catalogue.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list(&self, kind: Option<&Kind>) -> Result<Vec<CatalogueEntry>, store::Error> {
        let mut entries = self.entries(kind).await?;
        entries.retain(|entry| entry.source != ReleaseSource::Environment);
        Ok(entries)
    }

    /// Returns the releases of a kind that environments can be ordered to run, whether any has them
    /// or not.
    ///
    /// # Errors
    /// The store failed.
    pub async fn nameable(&self, kind: &Kind) -> Result<Vec<ReleaseId>, store::Error> {
        let pushed = self.store.releases(Some(kind)).await?;
        let mut ids: Vec<ReleaseId> = pushed.into_iter().map(|row| row.id).collect();
        let folder = self.folder.read();
        let folder = folder.iter().filter(|release| release.id.kind == *kind);
        ids.extend(folder.map(|release| release.id.clone()));
        Ok(ids)
    }

    /// Returns the manifest of a release, if a source that counts has it.
    ///
    /// # Errors
    /// The store failed.
    pub async fn manifest_of(&self, id: &ReleaseId) -> Result<Option<Manifest>, store::Error> {
        if let Some(row) = self.store.release(&id.digest).await? {
            return Ok(Some(row.manifest));
        }
        if let Some(known) = self.kinds.index().by_digest(&id.digest) {
            return Ok(Some((*known.manifest).clone()));
        }
        let had = self.kinds.releases();
        let found = had.iter().find(|(release, _)| release == id);
        Ok(found.map(|(_, manifest)| (**manifest).clone()))
    }

    /// Returns the release that serves the most targets of a kind, among those that serve it in
    /// some zone.
    pub fn serving(&self, kind: &Kind) -> Option<ReleaseId> {
        let targets = self.inventory.select(&Selector::default());
        let of_zone = |zone: &Zone| {
            let of_kind = targets.iter().filter(|known| known.target.kind == *kind);
            of_kind.filter(|known| known.target.zone == *zone).count()
        };
        let served = self.kinds.served();
        let mut by_release: BTreeMap<&ReleaseId, (usize, &Served)> = BTreeMap::new();
        for (zone, one) in served.of_kind(kind) {
            by_release.entry(&one.release).or_insert((0, one)).0 += of_zone(zone);
        }
        let max = by_release
            .into_iter()
            .max_by_key(|(_, (count, one))| (*count, one.manifest.version_numbers()));
        max.map(|(release, _)| release.clone())
    }

    /// Finds the release that a reference stands for.
    ///
    /// # Errors
    /// There is none (the error names the nearest), the reference is ambiguous, or the store
    /// failed.
    pub async fn find(&self, reference: &ReleaseReference) -> Result<CatalogueEntry, Error> {
        find::find(self.entries(None).await?, reference)
    }

    /// Deletes a release that was pushed, and the files that no other release has. `others` are
    /// further users of the release.
    ///
    /// # Errors
    /// There is none, it is still needed, or the store failed.
    pub async fn delete(
        &self,
        reference: &ReleaseReference,
        others: impl FnOnce(&ReleaseDigest) -> Vec<String>,
    ) -> Result<ReleaseId, Error> {
        let entry = self.find(reference).await?;
        let mut by = match entry.source {
            ReleaseSource::Pushed => Vec::new(),
            ReleaseSource::Shipped => vec!["it is shipped with utakata".to_owned()],
            ReleaseSource::Folder | ReleaseSource::Environment => {
                vec!["it is in a folder, and goes when that is removed".to_owned()]
            }
        };
        by.extend(self.wanted_by(&entry.id));
        by.extend(others(&entry.id.digest));
        if !by.is_empty() {
            return Err(Error::Wanted { id: entry.id, by });
        }
        self.store.delete_release(&entry.id.digest).await?;
        self.reload().await?;
        Ok(entry.id)
    }

    /// Returns the users of a release, each in a few words: the environments in which it serves,
    /// and a target that is pinned to it.
    fn wanted_by(&self, id: &ReleaseId) -> Vec<String> {
        let digest = &id.digest;
        let environments = self.kinds.environments();
        let serves = environments.iter().filter(|one| {
            let mut pools = one.pools.iter();
            pools.any(|pool| pool.active && pool.release.digest == *digest)
        });
        let mut by: Vec<String> = serves
            .map(|one| format!("it serves in {}", one.id))
            .collect();
        let targets = self.inventory.select(&Selector::default());
        let mut targets = targets.iter().map(|known| &known.target);
        let is_pinned = |target: &&Arc<Target>| {
            target.kind == id.kind && target.pin.as_deref() == Some(&*id.version)
        };
        let pinned = targets.find(is_pinned);
        by.extend(pinned.map(|target| format!("the target {} is pinned to it", target.name)));
        by
    }

    /// Returns the number of targets of a kind.
    pub fn targets_of(&self, kind: &Kind) -> usize {
        self.inventory.of_kind(kind)
    }

    /// Returns the environments that have workers of a release.
    pub fn runs_in(&self, digest: &ReleaseDigest) -> Vec<EnvironmentId> {
        let environments = self.kinds.environments();
        let runs = environments.iter().filter(|one| {
            let mut pools = one.pools.iter();
            pools.any(|pool| pool.release.digest == *digest)
        });
        runs.map(|one| one.id.clone()).collect()
    }

    /// Returns the differences between two releases.
    ///
    /// # Errors
    /// As for [`Catalogue::find`].
    pub async fn diff(
        &self,
        from: &ReleaseReference,
        to: &ReleaseReference,
    ) -> Result<ReleaseDiff, Error> {
        let (from, to) = (self.find(from).await?, self.find(to).await?);
        Ok(ReleaseDiff {
            manifest: diff(&from.manifest, &to.manifest),
            files: diff::files(&from.content, &to.content),
            from: from.id,
            to: to.id,
        })
    }

    /// Returns everything that would stop working if a release with this manifest served the kind.
    ///
    /// # Errors
    /// The store failed.
    pub async fn breaks(
        &self,
        kind: &Kind,
        manifest: &Manifest,
    ) -> Result<Vec<Break>, store::Error> {
        let served = self.kinds.served();
        let using = breaks::Using {
            schedules: self.inventory.schedules(),
            targets: self.inventory.select(&Selector::default()),
            tasks: breaks::open_tasks(&*self.store, kind, manifest, &served).await?,
        };
        Ok(breaks::breaks(kind, manifest, &served, &using))
    }

    /// Returns a release as shown in lists.
    pub fn summary(&self, entry: &CatalogueEntry) -> ReleaseSummary {
        let (pushed_by, pushed_at) = entry.pushed.clone().unzip();
        ReleaseSummary {
            kind: entry.id.kind.clone(),
            version: entry.id.version.as_ref().into(),
            digest: entry.id.digest.clone(),
            files: entry.content.files.len() as u64,
            size: entry.content.size(),
            source: entry.source,
            pushed_by,
            pushed_at,
            runs_in: self.runs_in(&entry.id.digest),
        }
    }

    /// Returns a release in full. `others` are further users of it, beyond those that the catalogue
    /// knows.
    ///
    /// # Errors
    /// The store failed.
    pub async fn view(
        &self,
        entry: CatalogueEntry,
        others: Vec<String>,
    ) -> Result<ReleaseView, store::Error> {
        let mut breaks = self.breaks(&entry.id.kind, &entry.manifest).await?;
        breaks.truncate(breaks::MAX_SHOWN);
        let mut wanted_by = self.wanted_by(&entry.id);
        wanted_by.extend(others);
        Ok(ReleaseView {
            summary: self.summary(&entry),
            breaks,
            wanted_by,
            manifest: entry.manifest,
            content: entry.content,
        })
    }
}
