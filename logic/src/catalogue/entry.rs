//! Everything that can be referred to as a release: pushed, shipped, and in folders.

use jiff::Timestamp;
use tracing::warn;
use utakata_api::release::ReleaseSource;
use utakata_model::{Content, Kind, Manifest, PersonName, ReleaseId};

use super::Catalogue;
use crate::{
    kinds::{IndexedRelease, ReleaseIndex},
    store::{self, ReleaseRow, ShippedRelease, Store},
};

/// The number of replaced contents of folders that are remembered.
const REPLACED_MAX: usize = 32;

/// A release in the catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct CatalogueEntry {
    /// The release. The digest of one that is shipped with utakata and runs nowhere is that of its
    /// files without the program.
    pub id: ReleaseId,
    pub manifest: Manifest,
    /// The files; empty if only an environment has them.
    pub content: Content,
    /// The origin of the release.
    pub source: ReleaseSource,
    /// The person who pushed it, and the time.
    pub pushed: Option<(PersonName, Timestamp)>,
}

/// A release in the data directory.
#[derive(Debug, Clone, PartialEq)]
pub struct FolderRelease {
    pub id: ReleaseId,
    pub manifest: Manifest,
    pub content: Content,
}

impl From<ReleaseRow> for CatalogueEntry {
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
    /// Returns everything that can be referred to, or everything of a kind: pushed releases, then
    /// those in folders, shipped ones, and those that only environments have. Each once.
    pub(super) async fn entries(
        &self,
        kind: Option<&Kind>,
    ) -> Result<Vec<CatalogueEntry>, store::Error> {
        let is_wanted = |id: &ReleaseId| kind.is_none_or(|kind| id.kind == *kind);
        let pushed = self.store.releases(kind).await?;
        let mut entries: Vec<CatalogueEntry> =
            pushed.into_iter().map(CatalogueEntry::from).collect();
        let mut folder = self.folder.read().clone();
        folder.extend(self.replaced.read().iter().cloned());
        entries.extend(folder.into_iter().map(|release| CatalogueEntry {
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
            entries.push(CatalogueEntry {
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
                entries.push(CatalogueEntry {
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

    /// Reloads the releases, and judges the reports of environments by them.
    ///
    /// # Errors
    /// The store failed.
    pub async fn reload(&self) -> Result<(), store::Error> {
        let _one = self.reloading.lock().await;
        let pushed = self.store.releases(None).await?;
        let shipped = self.store.shipped().await?;
        let mut folder = self.folder.read().clone();
        folder.extend(self.replaced.read().iter().cloned());
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

    /// Gives the releases that an earlier version has stored the digests that they have by now,
    /// which earlier ones said less of: not the modes of their files. Their signatures, which are of
    /// the earlier digests, count no more.
    ///
    /// # Errors
    /// The store failed.
    pub async fn renew(store: &dyn Store) -> Result<(), store::Error> {
        for row in store.releases(None).await? {
            let digest = row.content.release_digest(&row.manifest.run);
            if digest == row.id.digest {
                continue;
            }
            store.rename_release(&row.id.digest, &digest).await?;
            warn!(
                release = %row.id,
                from = row.id.digest.short(),
                to = digest.short(),
                "a release of an earlier version has a new digest, which says the modes of its \
                 files, too; if it was signed, sign and push it again",
            );
        }
        Ok(())
    }

    /// Adds the releases shipped with this version of utakata.
    ///
    /// # Errors
    /// The store failed.
    pub async fn bring(&self, releases: &[ShippedRelease]) -> Result<(), store::Error> {
        self.store.put_shipped(releases).await?;
        self.reload().await
    }

    /// Sets the releases in the data directory of the machine that is the whole site.
    ///
    /// # Errors
    /// The store failed.
    pub async fn lay_out(&self, releases: Vec<FolderRelease>) -> Result<(), store::Error> {
        {
            let mut folder = self.folder.write();
            let mut replaced = self.replaced.write();
            *replaced = still_known(&folder, &replaced, &releases);
            *folder = releases;
        }
        self.reload().await
    }
}

/// Returns the releases that were in a folder before its content changed: the environment may serve
/// them until the new one has started, or for good if that never happens. They are forgotten when
/// their kind has left the folders, or after some more changes.
fn still_known(
    before: &[FolderRelease],
    replaced: &[FolderRelease],
    now: &[FolderRelease],
) -> Vec<FolderRelease> {
    let has_left = |one: &&FolderRelease| now.iter().all(|there| there.id.digest != one.id.digest);
    let is_of_kind = |one: &&FolderRelease| now.iter().any(|there| there.id.kind == one.id.kind);
    let all = replaced.iter().chain(before);
    let mut known: Vec<FolderRelease> = all
        .filter(|one| has_left(one) && is_of_kind(one))
        .cloned()
        .collect();
    known.drain(..known.len().saturating_sub(REPLACED_MAX));
    known
}

fn is_same_shipped(entry: &CatalogueEntry, id: &ReleaseId, manifest: &Manifest) -> bool {
    entry.source == ReleaseSource::Shipped
        && (&entry.id.kind, &entry.id.version) == (&id.kind, &id.version)
        && entry.manifest == *manifest
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn release(kind: &str, digest: &str) -> FolderRelease {
        let manifest: Manifest = serde_json::from_value(json!({
            "kind": kind, "version": "1", "protocol": 2,
            "run": { "program": "worker" },
            "action": [{ "name": "read", "class": "observe" }],
        }))
        .unwrap();
        FolderRelease {
            id: ReleaseId {
                kind: manifest.kind.clone(),
                version: "1".into(),
                digest: utakata_model::ReleaseDigest(digest.into()),
            },
            manifest,
            content: Content::default(),
        }
    }

    #[track_caller]
    fn check(
        before: &[(&str, &str)],
        replaced: &[(&str, &str)],
        now: &[(&str, &str)],
        expect: &[&str],
    ) {
        let all = |of: &[(&str, &str)]| -> Vec<FolderRelease> {
            of.iter()
                .map(|(kind, digest)| release(kind, digest))
                .collect()
        };
        let known = still_known(&all(before), &all(replaced), &all(now));
        let digests: Vec<&str> = known.iter().map(|one| &*one.id.digest.0).collect();
        assert_eq!(digests, expect);
    }

    #[test]
    fn what_was_replaced_in_a_folder_stays_known_while_its_kind_lies_there() {
        check(&[("pdu", "a")], &[], &[("pdu", "b")], &["a"]);
        check(
            &[("pdu", "b")],
            &[("pdu", "a")],
            &[("pdu", "c")],
            &["a", "b"],
        );
        // It is back.
        check(&[("pdu", "b")], &[("pdu", "a")], &[("pdu", "a")], &["b"]);
        check(&[("pdu", "a"), ("ups", "u")], &[], &[("ups", "u")], &[]);
    }

    #[test]
    fn only_the_latest_replaced_contents_stay_known() {
        let digests: Vec<String> = (0..100).map(|n| format!("{n}")).collect();
        let replaced: Vec<(&str, &str)> = digests.iter().map(|one| ("pdu", one.as_str())).collect();
        let expect: Vec<&str> = digests[100 - REPLACED_MAX..]
            .iter()
            .map(String::as_str)
            .collect();
        check(&[], &replaced, &[("pdu", "now")], &expect);
    }
}
