//! Releases of the catalogue and their files, as values.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_interconnect::message::content::MAX_PART;
use utakata_model::{Content, ContentFile, FileDigest, Manifest, PersonName, ReleaseId};

use super::{Error, Place};

/// The number of parts written at once: others can write in between.
const PARTS_AT_ONCE: usize = 8;
/// A page is written to the log of a file store, and then to the file.
const WRITTEN_TIMES: u64 = 2;
/// A release never uses up the last space on a disk: control must be recorded.
const ROOM_FOR_CONTROL: u64 = 64 * 1024 * 1024;

/// The number of free bytes required on the disk of a file store before a file of this size is
/// written to it.
pub fn room_for_file(size: u64) -> u64 {
    size.saturating_mul(WRITTEN_TIMES)
        .saturating_add(ROOM_FOR_CONTROL)
}

/// A release of the catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseRow {
    /// Kind, version and digest.
    pub id: ReleaseId,
    pub manifest: Manifest,
    /// The files of the release, without their bytes.
    pub content: Content,
    /// The person who pushed it.
    pub pushed_by: PersonName,
    /// The time of the push.
    pub pushed_at: Timestamp,
}

/// A release shipped with utakata. Its program is not included: it differs for each architecture
/// and build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShippedRelease {
    /// Kind and version, and the digest of the files without the program.
    pub id: ReleaseId,
    pub manifest: Manifest,
    /// The files of the release without the program.
    pub content: Content,
    /// The version of utakata that first shipped it.
    pub utakata: String,
}

/// The result of writing a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutRelease {
    /// It is stored now, and was not before.
    New,
    /// It existed already; its content has been replaced.
    Again,
    /// Another release has its kind and version.
    Taken(ReleaseId),
    /// These of its files are missing, each once.
    Missing(Vec<FileDigest>),
}

pub(super) struct ReleaseColumns<'r> {
    pub digest: &'r str,
    pub kind: &'r str,
    pub version: &'r str,
    pub manifest: &'r str,
    pub content: &'r str,
    pub pushed_by: &'r str,
    pub pushed_at: &'r str,
}

/// Reads a release from its row.
pub(super) fn release(place: &Place, row: &ReleaseColumns<'_>) -> Result<ReleaseRow, Error> {
    let id = serde_json::json!({
        "digest": row.digest, "kind": row.kind, "version": row.version,
    });
    let wrong = |source| place.wrong("release", source);
    Ok(ReleaseRow {
        id: serde_json::from_value(id).map_err(wrong)?,
        manifest: place.parse("manifest of a release", row.manifest)?,
        content: content(place, row.content)?,
        pushed_by: serde_json::from_value(row.pushed_by.into()).map_err(wrong)?,
        pushed_at: serde_json::from_value(row.pushed_at.into()).map_err(wrong)?,
    })
}

/// Reads the content of a release from its column.
pub(super) fn content(place: &Place, text: &str) -> Result<Content, Error> {
    place.parse("content of a release", text)
}

/// Splits a file into the parts in which it is written, a few at a time. An empty file has one
/// part, too.
pub(super) fn batches(bytes: &[u8]) -> Vec<Vec<(i64, &[u8])>> {
    let empty: &[u8] = &[];
    let parts = bytes.chunks(MAX_PART);
    let parts = parts.chain(bytes.is_empty().then_some(empty));
    let parts: Vec<(i64, &[u8])> = (0..).zip(parts).collect();
    let batches = parts.chunks(PARTS_AT_ONCE);
    batches.map(<[_]>::to_vec).collect()
}

/// Returns those of these files that are not stored completely, each once, given the stored bytes
/// of each.
pub(super) fn missing(files: &[ContentFile], there: &HashMap<String, i64>) -> Vec<FileDigest> {
    let is_there = |file: &ContentFile| {
        let bytes = there.get(file.digest.as_str());
        bytes.is_some_and(|bytes| u64::try_from(*bytes) == Ok(file.size))
    };
    let mut seen = HashSet::new();
    let missing = files.iter().filter(|file| !is_there(file));
    let digests = missing.map(|file| &file.digest);
    digests.filter(|one| seen.insert(*one)).cloned().collect()
}

/// Returns the files that occur in none of these contents.
pub(super) fn unused(files: Vec<String>, contents: &[Content]) -> Vec<String> {
    let used: HashSet<&str> = contents
        .iter()
        .flat_map(|content| &content.files)
        .map(|file| file.digest.as_str())
        .collect();
    let unused = files.into_iter();
    unused.filter(|one| !used.contains(one.as_str())).collect()
}
