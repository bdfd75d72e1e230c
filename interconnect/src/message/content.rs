//! Requests of an environment for what it lacks, and their answers by the logic environment:
//! content of releases, one part at a time, and credentials, sealed to the key of the environment.
//!
//! ```text
//! environment ── Fetch: which files make up this release? ──► logic environment
//!             ◄─ Content: these files ──
//!             ── Fetch: this file, from this byte on ──►
//!             ◄─ Content: these bytes, out of so many ──
//!             ── Fetch: am I accepted, with this key? and: this version of a credential ──►
//!             ◄─ Content: yes; and: it, sealed to your key ──
//! ```
//!
//! Any message may be lost: the environment asks again. Everything is identified by its digest, so
//! whatever arrives can be verified or discarded.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utakata_model::{
    Content, CredentialName, CredentialVersion, EnvironmentId, EnvironmentKey, FileDigest, Problem,
    ReleaseDigest, SiteCertificate,
};

use super::plain;

/// The most bytes of a file in one message: 128 KiB.
pub const MAX_PART: usize = 128 * 1024;

/// A request of an environment for content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchBatch {
    pub environment: EnvironmentId,
    /// The files, lists and credentials that it needs.
    pub wants: Vec<ContentRequest>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContentRequest {
    /// The list of the files of a release.
    Release(ReleaseDigest),
    /// The bytes of a file from an offset on, as many as fit into a message.
    File {
        digest: FileDigest,
        /// The offset of the first byte wanted.
        from: u64,
    },
    /// A version of a credential that a task names.
    Credential {
        name: CredentialName,
        version: CredentialVersion,
    },
    /// The acceptance of the environment with its key.
    Acceptance(EnvironmentKey),
}

impl ContentRequest {
    /// Returns true if it is about the environment's key, and not about releases.
    pub fn is_of_keys(&self) -> bool {
        matches!(self, Self::Credential { .. } | Self::Acceptance(_))
    }
}

/// The answer to one request of one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentReply {
    pub environment: EnvironmentId,
    /// The request that is answered.
    pub want: ContentRequest,
    /// The content, or the reason why there is none.
    pub found: ContentPiece,
    /// The seconds for which a credential that is lent may be kept; as usual if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<u64>,
}

/// The answer to a request for content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContentPiece {
    /// The files of the release.
    Release(Content),
    /// Bytes of the file, at most [`MAX_PART`].
    Part(#[serde(with = "bytes")] Arc<[u8]>),
    /// The credential, sealed to the key of the environment.
    Lent(#[serde(with = "bytes")] Arc<[u8]>),
    /// The environment is accepted.
    Accepted,
    /// The environment is accepted, by the site that this certificate is of.
    Certified(Box<SiteCertificate>),
    /// It is not available, for this reason.
    Nothing(Problem),
}

plain! {
    FetchBatch: "request for content";
    ContentReply: "content";
}

/// Serializes bytes as base64.
pub(super) mod bytes {
    use std::sync::Arc;

    use base64::{Engine, prelude::BASE64_STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &Arc<[u8]>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Arc<[u8]>, D::Error> {
        let text = String::deserialize(from)?;
        let bytes = BASE64_STANDARD.decode(text).map_err(D::Error::custom)?;
        Ok(bytes.into())
    }
}
