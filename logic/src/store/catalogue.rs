//! The catalogue as it is kept.

use async_trait::async_trait;
use utakata_model::{ContentFile, FileDigest, Kind, ReleaseDigest};

use super::{Error, PutRelease, ReleaseRow, ShippedRelease};

/// Releases and their files.
#[async_trait]
pub trait Catalogue: Send + Sync {
    /// The releases of the catalogue, or those of a kind, by kind, those that were pushed first
    /// before the others.
    async fn releases(&self, kind: Option<&Kind>) -> Result<Vec<ReleaseRow>, Error>;

    /// A release of the catalogue.
    async fn release(&self, digest: &ReleaseDigest) -> Result<Option<ReleaseRow>, Error>;

    /// Writes a release, if all of its files are there and no other one has its kind and version.
    /// Of one that is there only the content is written: signatures are no part of a digest.
    async fn put_release(&self, row: &ReleaseRow) -> Result<PutRelease, Error>;

    /// No such release, and no file that no release has; whether there was one.
    async fn delete_release(&self, digest: &ReleaseDigest) -> Result<bool, Error>;

    /// Those of these files that are not there as a whole, each once.
    async fn missing_files(&self, files: &[ContentFile]) -> Result<Vec<FileDigest>, Error>;

    /// Writes a file, part by part, where it is not there yet. Whoever calls it has seen that
    /// this is its digest. It is there as long as a release has it, or until one is deleted.
    async fn put_file(&self, digest: &FileDigest, bytes: &[u8]) -> Result<(), Error>;

    /// A part of a file, counted from 0.
    async fn file_part(&self, digest: &FileDigest, part: u64) -> Result<Option<Vec<u8>>, Error>;

    /// The releases that come with utakata, of every version of it that was here, by digest.
    async fn shipped(&self) -> Result<Vec<ShippedRelease>, Error>;

    /// Adds releases that come with utakata; those that are there stay as they are. Whether any
    /// was not there.
    async fn put_shipped(&self, releases: &[ShippedRelease]) -> Result<bool, Error>;
}
