//! Releases of the catalogue.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utakata_model::{
    Content, ContentFile, EnvironmentId, Kind, Manifest, PersonName, ReleaseDigest, ReleaseId,
    words,
};
use utoipa::ToSchema;

/// The most bytes of one file of a release.
pub const MAX_FILE_SIZE: u64 = 256 * 1024 * 1024;

/// The fewest digits by which a release is known.
const PREFIX_LEAST: usize = 6;

/// Body of `POST /v1/releases`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRelease {
    /// Its files, by path, each once. What is in them is put to `/v1/release-files` before.
    pub files: Vec<ContentFile>,
    /// The digest that it must have. Absent: whatever it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<ReleaseDigest>,
}

words! {
    /// The origin of a release.
    #[derive(
        Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
    )]
    pub enum ReleaseSource {
        /// Somebody pushed it.
        Pushed = "pushed",
        /// It comes with utakata.
        Shipped = "shipped",
        /// It lies in the data directory of the machine that is all of the site.
        Folder = "folder",
        /// It lies in the folders of an environment alone, which tells of it.
        Environment = "environment",
    }
}

/// A release, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReleaseSummary {
    /// The kind that it serves.
    pub kind: Kind,
    /// Its version.
    pub version: String,
    /// The digest of its content.
    pub digest: ReleaseDigest,
    /// The number of files it has.
    pub files: u64,
    /// The number of bytes they have together.
    pub size: u64,
    /// Its origin. Only what was pushed can be fetched and deleted.
    pub source: ReleaseSource,
    /// The person who pushed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed_by: Option<PersonName>,
    /// The time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub pushed_at: Option<Timestamp>,
    /// The environments that have workers of it.
    pub runs_in: Vec<EnvironmentId>,
}

/// A release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReleaseView {
    /// As lists show it.
    #[serde(flatten)]
    pub summary: ReleaseSummary,
    /// Its manifest.
    pub manifest: Manifest,
    /// Of which files it consists.
    pub content: Content,
    /// The things that would not work any more if it served its kind: the first 1000.
    pub breaks: Vec<Break>,
    /// The places that need it to stay.
    pub wanted_by: Vec<String>,
}

/// Something that a release would break.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct Break {
    /// The scope.
    pub what: Broken,
    /// Its name, or its id.
    pub name: String,
    /// The thing that would not work any more.
    pub why: String,
}

words! {
    /// The kind of thing that a release can break.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
    pub enum Broken {
        /// A schedule, which asks for what it cannot do.
        Schedule = "schedule",
        /// A target, by whose credential it is not let in.
        Target = "target",
        /// An operation with tasks that have not ended.
        Operation = "operation",
    }
}

/// Returns what differs between two releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReleaseDiff {
    /// From this one.
    pub from: ReleaseId,
    /// To this one.
    pub to: ReleaseId,
    /// In what they declare, what breaks something first.
    pub manifest: Vec<ManifestDifference>,
    /// In their files, by path.
    pub files: Vec<FileDifference>,
}

/// One difference in what two releases declare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ManifestDifference {
    /// The place: `action outlet-off, parameter delay`.
    pub what: String,
    /// `true` if what was right before may be refused, or not be done, after.
    pub breaking: bool,
    /// The difference.
    pub why: String,
}

/// One file in which two releases differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileDifference {
    /// Its path.
    pub path: String,
    /// The change.
    pub change: FileChange,
}

words! {
    /// The change of a file.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
    pub enum FileChange {
        /// Only the second one has it.
        Added = "added",
        /// Only the first one has it.
        Removed = "removed",
        /// It has another content, or it can be executed and could not before, or the other way.
        Changed = "changed",
    }
}

/// A reference to a release, as people write it: `KIND@VERSION`, or the digest, of which the first
/// digits are enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseReference {
    /// By its kind and version.
    Version {
        /// The kind.
        kind: Kind,
        /// The version.
        version: String,
    },
    /// By the first digits of its digest, or all of them.
    Digest(String),
}

/// A text that says no release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{text:.80}\" says no release: write KIND@VERSION, or at least {PREFIX_LEAST} digits of its \
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
