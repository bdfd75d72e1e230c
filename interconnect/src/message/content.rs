//! The content of releases: an environment asks for what it does not have, the logic environment
//! answers, a part at a time.
//!
//! ```text
//! environment ── Fetch: of what does this release consist? ──► logic environment
//!             ◄─ Content: of these files ──
//!             ── Fetch: this file, from this byte on ──►
//!             ◄─ Content: these bytes, of so many ──
//! ```
//!
//! Anything may be lost: who asked asks again. Everything is known by its digest, so that
//! whatever comes can be believed or thrown away.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utakata_model::{Content, EnvironmentId, FileDigest, Problem, ReleaseDigest};

use super::plain;

/// The most bytes of a file in one message.
pub const MAX_PART: usize = 128 * 1024;

/// A request of an environment for content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchBatch {
    pub environment: EnvironmentId,
    /// The files and lists that it needs.
    pub wants: Vec<ContentRequest>,
}

/// A request for content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContentRequest {
    /// Of which files a release consists.
    Release(ReleaseDigest),
    /// The bytes of a file from this one on, as many as there is room for in a message.
    File {
        digest: FileDigest,
        /// The first byte that is wanted.
        from: u64,
    },
}

/// The answer to one want of one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentReply {
    pub environment: EnvironmentId,
    /// The request that is answered.
    pub want: ContentRequest,
    /// The content, or the reason for which there is none.
    pub found: ContentPiece,
}

/// The answer to a request for content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContentPiece {
    /// The files of the release.
    Release(Content),
    /// Bytes of the file, at most [`MAX_PART`].
    Part(#[serde(with = "bytes")] Arc<[u8]>),
    /// It cannot be had, because of this.
    Nothing(Problem),
}

plain! {
    FetchBatch: "ask for content";
    ContentReply: "content of a release";
}

/// Bytes as base64.
mod bytes {
    use std::sync::Arc;

    use base64::{Engine, prelude::BASE64_STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &Arc<[u8]>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Arc<[u8]>, D::Error> {
        let text = String::deserialize(from)?;
        let bytes = BASE64_STANDARD.decode(text).map_err(D::Error::custom)?;
        Ok(bytes.into())
    }
}
