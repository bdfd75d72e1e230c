//! The stored catalogue.

use async_trait::async_trait;
use utakata_model::{ContentFile, FileDigest, Kind, ReleaseDigest};

use super::{Error, PutRelease, ReleaseRow, ShippedRelease};

/// Releases and their files.
#[async_trait]
pub trait Catalogue: Send + Sync {
    /// Returns the releases of the catalogue, or those of one kind, by kind and in the order of
    /// their push.
    async fn releases(&self, kind: Option<&Kind>) -> Result<Vec<ReleaseRow>, Error>;

    /// Returns a release of the catalogue.
    async fn release(&self, digest: &ReleaseDigest) -> Result<Option<ReleaseRow>, Error>;

    /// Writes a release, if all its files are stored and no other one has its kind and version. If
    /// it exists already, only the content is written: signatures are not part of the digest.
    async fn put_release(&self, row: &ReleaseRow) -> Result<PutRelease, Error>;

    /// Gives a release the digest that it has by now, wherever it is named: digests of earlier
    /// versions said less of a release. Whoever follows what is desired sees a new revision.
    async fn rename_release(&self, from: &ReleaseDigest, to: &ReleaseDigest) -> Result<(), Error>;

    /// Deletes a release and the files that no other release has; returns whether it existed.
    async fn delete_release(&self, digest: &ReleaseDigest) -> Result<bool, Error>;

    /// Returns those of these files that are not stored completely, each once.
    async fn missing_files(&self, files: &[ContentFile]) -> Result<Vec<FileDigest>, Error>;

    /// Writes a file, part by part, unless it is stored already. The caller has verified its
    /// digest. It is kept as long as a release has it, or until any release is deleted.
    async fn put_file(&self, digest: &FileDigest, bytes: &[u8]) -> Result<(), Error>;

    /// Returns a part of a file, counted from 0.
    async fn file_part(&self, digest: &FileDigest, part: u64) -> Result<Option<Vec<u8>>, Error>;

    /// Returns the releases shipped with any version of utakata that ran here, by digest.
    async fn shipped(&self) -> Result<Vec<ShippedRelease>, Error>;

    /// Adds releases shipped with utakata; existing ones stay unchanged. Returns whether any is
    /// new.
    async fn put_shipped(&self, releases: &[ShippedRelease]) -> Result<bool, Error>;
}
