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

/// The most bytes of a file in one message.
pub const PART_MOST: usize = 128 * 1024;

/// An environment asks for content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchBatch {
    /// Who asks.
    pub environment: EnvironmentId,
    /// For what.
    pub wants: Vec<Want>,
}

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Want {
    /// Of which files a release consists.
    Release(ReleaseDigest),
    /// What is in a file from this byte on, as much as there is room for in a message.
    File {
        /// Which file.
        digest: FileDigest,
        /// The first byte that is wanted.
        from: u64,
    },
}

/// The answer to one want of one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Got {
    /// Who had asked.
    pub environment: EnvironmentId,
    /// For what.
    pub want: Want,
    /// What there is.
    pub found: Found,
}

/// What there is of what was wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Found {
    /// The files of the release.
    Release(Content),
    /// Bytes of the file, at most [`PART_MOST`].
    Part(#[serde(with = "bytes")] Arc<[u8]>),
    /// It cannot be had, because of this.
    Nothing(Problem),
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
