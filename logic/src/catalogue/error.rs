//! The reasons why the catalogue is unchanged.

use utakata_api::problem::Detail;
use utakata_model::{Content, FileDigest, ReleaseId};

use crate::store;

/// A reason why the catalogue is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not a release.
    #[error("not a release: {problem}")]
    Invalid { problem: String },
    /// Files have to be uploaded first.
    #[error("{} files of the release are missing", files.len())]
    Missing {
        /// Their digests, and their paths in the release.
        files: Vec<Detail>,
    },
    /// Another release has this kind and version.
    #[error("the version {} of {} is another release: {}", by.version, by.kind, by.digest.short())]
    Taken { by: ReleaseId },
    /// The bytes have another digest than announced.
    #[error("the received content has the SHA-256 {found}, not {told}")]
    OtherFile { told: FileDigest, found: FileDigest },
    /// There is no such release.
    #[error("there is no release {reference} in the catalogue")]
    None {
        /// The reference as written.
        reference: String,
        /// The nearest one, or all existing ones.
        hint: String,
    },
    /// The reference is ambiguous.
    #[error("the digests of {} releases begin with {digits}: {}", ids.len(), list(ids))]
    Several {
        /// The digits as written.
        digits: String,
        ids: Vec<ReleaseId>,
    },
    /// Something still needs it.
    #[error("{id} is wanted: {}", by.join("; "))]
    Wanted { id: ReleaseId, by: Vec<String> },
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    pub(super) fn invalid(problem: impl Into<String>) -> Self {
        let problem = problem.into();
        Self::Invalid { problem }
    }

    /// Reports that files of a content are missing.
    pub(super) fn missing(content: &Content, missing: &[FileDigest]) -> Self {
        let detail = |digest: &FileDigest| {
            let mut files = content.files.iter();
            let file = files.find(|file| file.digest == *digest);
            Detail {
                subject: digest.to_string(),
                message: file.map(|file| file.path.clone()).unwrap_or_default(),
            }
        };
        Self::Missing {
            files: missing.iter().map(detail).collect(),
        }
    }
}

fn list(ids: &[ReleaseId]) -> String {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    ids.join(", ")
}
