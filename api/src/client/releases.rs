//! The catalogue of releases.

use std::time::Duration;

use reqwest::{Method, header};
use serde::Serialize;
use utakata_model::{FileDigest, Kind};

use super::{ANSWER_TIMEOUT, Client, Error};
use crate::release::{NewRelease, ReleaseDiff, ReleaseReference, ReleaseSummary, ReleaseView};

/// The deadline of an upload: a large file takes its time on a slow line.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(600);

/// The result of pushing a release.
#[derive(Debug, Clone, PartialEq)]
pub enum Pushed {
    /// The release is in the catalogue.
    There(Box<ReleaseView>),
    /// These files have to be uploaded first.
    Missing(Vec<FileDigest>),
}

#[derive(Serialize)]
struct OfKind<'k> {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'k Kind>,
}

impl Client {
    /// Returns the releases of the catalogue, or those of one kind.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn releases(&self, kind: Option<&Kind>) -> Result<Vec<ReleaseSummary>, Error> {
        self.all("/v1/releases", &OfKind { kind }).await
    }

    /// Returns one release of the catalogue.
    ///
    /// # Errors
    /// There is none, or several digests begin with these digits.
    pub async fn release(&self, reference: &ReleaseReference) -> Result<ReleaseView, Error> {
        self.get(&format!("/v1/releases/{reference}"), &()).await
    }

    /// Returns the differences between two releases.
    ///
    /// # Errors
    /// There is no such release.
    pub async fn release_diff(
        &self,
        from: &ReleaseReference,
        to: &ReleaseReference,
    ) -> Result<ReleaseDiff, Error> {
        let path = format!("/v1/releases/{from}/diff/{to}");
        self.get(&path, &()).await
    }

    /// Adds a release to the catalogue, or returns the files that it still needs.
    ///
    /// # Errors
    /// It is not a valid release, or another one has the same kind and version.
    pub async fn push_release(&self, release: &NewRelease) -> Result<Pushed, Error> {
        match self.post("/v1/releases", release, ANSWER_TIMEOUT).await {
            Ok(view) => Ok(Pushed::There(Box::new(view))),
            Err(Error::Refused(problem)) if problem.code == "release-files-missing" => {
                let subjects = problem.problems.iter().map(|one| one.subject.parse());
                Ok(Pushed::Missing(subjects.filter_map(Result::ok).collect()))
            }
            Err(error) => Err(error),
        }
    }

    /// Uploads the content of a file of a release.
    ///
    /// # Errors
    /// The content has another digest, or is too large.
    pub async fn put_release_file(&self, digest: &FileDigest, bytes: Vec<u8>) -> Result<(), Error> {
        let request = self
            .request(Method::PUT, &format!("/v1/release-files/{digest}"))
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .timeout(UPLOAD_TIMEOUT)
            .body(bytes);
        self.send(request).await.map(drop)
    }

    /// Deletes a release from the catalogue.
    ///
    /// # Errors
    /// There is none, or it is still needed.
    pub async fn delete_release(&self, reference: &ReleaseReference) -> Result<(), Error> {
        self.delete(&format!("/v1/releases/{reference}")).await
    }
}
