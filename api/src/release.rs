//! Releases of the catalogue.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{
    Content, ContentFile, EnvironmentId, Kind, Manifest, PersonName, ReleaseDigest, ReleaseId,
    words,
};
use utoipa::ToSchema;

/// The largest size of a file of a release, in bytes.
pub const MAX_FILE_SIZE: u64 = 256 * 1024 * 1024;

/// The least number of digits that identify a release.
const PREFIX_LEAST: usize = 6;

/// Body of `POST /v1/releases`: a release to add to the catalogue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRelease {
    /// The files, each path once. Their content is uploaded to `/v1/release-files` beforehand.
    pub files: Vec<ContentFile>,
    /// The digest that the release must have. Absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<ReleaseDigest>,
}

words! {
    /// The origin of a release.
    #[derive(
        Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
    )]
    pub enum ReleaseSource {
        /// A person pushed it.
        Pushed = "pushed",
        /// It is shipped with utakata.
        Shipped = "shipped",
        /// It is in the data directory of the machine, which is the whole site.
        Folder = "folder",
        /// It is only in a folder of an environment, which reports it.
        Environment = "environment",
    }
}

/// A release, as shown in lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReleaseSummary {
    /// The kind that it serves.
    pub kind: Kind,
    /// The version in its manifest.
    pub version: String,
    /// The digest of its content.
    pub digest: ReleaseDigest,
    /// The number of its files.
    pub files: u64,
    /// The total size of its files, in bytes.
    pub size: u64,
    /// The origin of the release. Only a pushed one can be fetched and deleted.
    pub source: ReleaseSource,
    /// The person who pushed it, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed_by: Option<PersonName>,
    /// The time at which it was pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub pushed_at: Option<Timestamp>,
    /// The environments that have workers of it.
    pub runs_in: Vec<EnvironmentId>,
}

/// A release in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReleaseView {
    /// The release, as shown in lists.
    #[serde(flatten)]
    pub summary: ReleaseSummary,
    /// The manifest of the release.
    pub manifest: Manifest,
    /// The files of the release.
    pub content: Content,
    /// The first 1000 things that would stop working if this release served its kind.
    pub breaks: Vec<Break>,
    /// The users of the release that keep it from being deleted.
    pub wanted_by: Vec<String>,
}

/// Something that would stop working under a release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct Break {
    /// The kind of thing that would break.
    pub what: Broken,
    /// The name or id of the thing.
    pub name: String,
    /// The reason why it would stop working.
    pub why: String,
}

words! {
    /// The kind of thing that a release can break.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
    pub enum Broken {
        /// A schedule that requests something it cannot do.
        Schedule = "schedule",
        /// A target whose credential it does not accept.
        Target = "target",
        /// An operation with tasks that have not ended.
        Operation = "operation",
    }
}

/// The differences between two releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReleaseDiff {
    /// The first release.
    pub from: ReleaseId,
    /// The second release.
    pub to: ReleaseId,
    /// The differences in their declarations, breaking ones first.
    pub manifest: Vec<ManifestDifference>,
    /// The differences in their files, by path.
    pub files: Vec<FileDifference>,
}

/// A difference in the declarations of two releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ManifestDifference {
    /// The place of the difference: `action outlet-off, parameter delay`.
    pub what: String,
    /// `true` if something valid before may be refused, or not be done, afterwards.
    pub breaking: bool,
    /// The difference, in a sentence.
    pub why: String,
}

/// A file in which two releases differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileDifference {
    /// The path of the file.
    pub path: String,
    /// The kind of change.
    pub change: FileChange,
}

words! {
    /// The kind of change to a file.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
    pub enum FileChange {
        /// Only the second release has it.
        Added = "added",
        /// Only the first release has it.
        Removed = "removed",
        /// Its content differs, or whether it is executable.
        Changed = "changed",
    }
}

/// A reference to a release as people write it: `KIND@VERSION`, or the first digits of the digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseReference {
    /// A reference by kind and version.
    Version {
        /// The name of the kind.
        kind: Kind,
        /// The version in the manifest.
        version: String,
    },
    /// A reference by the digest or its first digits.
    Digest(String),
}

/// A text that is not a reference to a release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{text:.80}\" names no release: write KIND@VERSION, or at least {PREFIX_LEAST} digits of its \
     digest"
)]
pub struct NoReference {
    text: String,
}

impl FromStr for ReleaseReference {
    type Err = NoReference;

    fn from_str(text: &str) -> Result<Self, NoReference> {
        let wrong = || NoReference { text: text.into() };
        if let Some((kind, version)) = text.split_once('@') {
            let is_version = |c: char| c.is_ascii_digit() || c == '.';
            if version.is_empty() || !version.chars().all(is_version) {
                return Err(wrong());
            }
            return Ok(Self::Version {
                kind: kind.parse().map_err(|_| wrong())?,
                version: version.into(),
            });
        }
        let is_digit = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        let is_digest = (PREFIX_LEAST..=64).contains(&text.len()) && text.bytes().all(is_digit);
        is_digest
            .then(|| Self::Digest(text.into()))
            .ok_or_else(wrong)
    }
}

impl fmt::Display for ReleaseReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version { kind, version } => write!(f, "{kind}@{version}"),
            Self::Digest(digits) => f.write_str(digits),
        }
    }
}

impl From<&ReleaseDigest> for ReleaseReference {
    fn from(digest: &ReleaseDigest) -> Self {
        Self::Digest(digest.0.as_ref().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_said_by_its_version_or_by_its_digest_and_by_nothing_else() {
        let long = "0123456789abcdef".repeat(4);
        for text in ["pdu@1.0", "apc-pdu@1.10.0", "0123ab", &long] {
            let reference: ReleaseReference = text.parse().unwrap();
            assert_eq!(reference.to_string(), text);
        }
        for text in ["", "pdu", "pdu@", "pdu@x", "@1", "0123a", "0123AB", "a/b@1"] {
            let error = text.parse::<ReleaseReference>().unwrap_err();
            assert!(error.to_string().contains("KIND@VERSION"), "{text}");
        }
        assert!(format!("{long}0").parse::<ReleaseReference>().is_err());
    }
}
