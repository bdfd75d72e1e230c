//! Why the catalogue is as it was.

use utakata_api::problem::Detail;
use utakata_model::{Content, FileDigest, ReleaseId};

use crate::store;

/// A reason why the catalogue is as it was.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is no release.
    #[error("not a release: {problem}")]
    Invalid { problem: String },
    /// Files have to come first.
    #[error("{} files of the release are not here yet", files.len())]
    Missing {
        /// Their digests, and the paths at which the release has them.
        files: Vec<Detail>,
    },
    /// The kind and version are those of another release.
    #[error("the version {} of {} is another release: {}", by.version, by.kind, by.digest.short())]
    Taken { by: ReleaseId },
    /// The bytes have another digest than was announced.
    #[error("what came has the SHA-256 {found}, and not {told}")]
    OtherFile { told: FileDigest, found: FileDigest },
    /// There is no such release.
    #[error("there is no release {reference} in the catalogue")]
    None {
        /// As it was said.
        reference: String,
        /// The nearest one, or those that there are.
        hint: String,
    },
    /// Several are meant.
    #[error("the digests of {} releases begin with {digits}: {}", ids.len(), list(ids))]
    Several {
        /// As it was said.
        digits: String,
        ids: Vec<ReleaseId>,
    },
    /// Something wants it to stay.
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

    /// These files of a content are missing.
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
