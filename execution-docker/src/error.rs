//! The reasons why a release has no container, and who can cure them.

use std::path::PathBuf;

use utakata_execution::artifact::ImageError;
use utakata_model::{Cure, Problem, manifest::ManifestError};
use utakata_protocol::VersionError;

use crate::labels::MANIFEST_LABEL;

/// The reason why a release has no container.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No engine listens on the socket.
    #[error("no Docker engine answers at {}", socket.display())]
    Away {
        socket: PathBuf,
        #[source]
        source: Answer,
    },
    /// The engine refuses a request.
    #[error("the Docker engine cannot {step}")]
    Refused {
        step: &'static str,
        #[source]
        source: Answer,
    },
    /// An image cannot be pulled from its registry.
    #[error("cannot pull {image}: {}", hint(&source.to_string()))]
    Pull {
        image: String,
        #[source]
        source: Answer,
    },
    /// A registry cannot resolve a tag.
    #[error("cannot ask the registry which image {image} is: {}", hint(&source.to_string()))]
    Resolve {
        image: String,
        #[source]
        source: Answer,
    },
    /// A registry has no digest for a tag.
    #[error("the registry has no digest for {image}")]
    Digest {
        image: String,
        #[source]
        source: ImageError,
    },
    /// An archive cannot be loaded.
    #[error("cannot load {}: {}", archive.display(), hint(&source.to_string()))]
    Load {
        archive: PathBuf,
        #[source]
        source: Answer,
    },
    /// An archive cannot be read.
    #[error("cannot read {}", archive.display())]
    Read {
        archive: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// An archive contains no image, or several.
    #[error("{} holds {count} images: one is needed", archive.display())]
    Count { archive: PathBuf, count: usize },
    /// The image is for another platform.
    #[error("{image} is for {has}, and this machine is {needs}: build it for {needs}")]
    Platform {
        image: String,
        has: String,
        needs: String,
    },
    /// The image has no manifest.
    #[error(
        "{image} has no label {} and no /worker.toml: either must hold its manifest",
        MANIFEST_LABEL
    )]
    Unlabelled { image: String },
    /// The image contradicts itself.
    #[error(
        "the label {} of {image} and its /worker.toml differ: take both from one file",
        MANIFEST_LABEL
    )]
    Differs { image: String },
    /// The image speaks another version of the worker protocol.
    #[error("{image} cannot be run")]
    Protocol {
        image: String,
        #[source]
        source: VersionError,
    },
    /// The manifest of the image is invalid.
    #[error(
        "what {image} says of itself (label {}, or /worker.toml) is no manifest",
        MANIFEST_LABEL
    )]
    Label {
        image: String,
        #[source]
        source: ManifestError,
    },
    /// The image is of another release.
    #[error(
        "{image} says that it is {has}, and the worker.toml beside its image.toml says {needs}, \
         or something else in them differs: take both from one build"
    )]
    Other {
        image: String,
        /// The kind and version in the image.
        has: String,
        /// The kind and version in the folder.
        needs: String,
    },
}

/// The message of an engine, or of the connection to it.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct Answer {
    text: String,
}

impl From<Error> for utakata_execution::runtime::Error {
    fn from(error: Error) -> Self {
        Self::Engine {
            problem: error.problem(),
            is_of_environment: matches!(error, Error::Away { .. }),
        }
    }
}

impl Answer {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }
}

impl Error {
    /// Returns the problem to report.
    pub fn problem(&self) -> Problem {
        let (code, cure) = match self {
            Self::Away { .. } => ("docker-away", Cure::Operator),
            Self::Refused { .. } => ("docker-refused", Cure::Operator),
            Self::Pull { .. }
            | Self::Resolve { .. }
            | Self::Digest { .. }
            | Self::Load { .. }
            | Self::Read { .. } => ("image-missing", Cure::Operator),
            Self::Count { .. }
            | Self::Platform { .. }
            | Self::Unlabelled { .. }
            | Self::Differs { .. }
            | Self::Protocol { .. }
            | Self::Label { .. }
            | Self::Other { .. } => ("image-unfit", Cure::Operator),
        };
        Problem::new(code, cure, utakata_model::chain(self))
    }
}

/// Phrases in messages of an engine, and their meanings. The first match counts.
const HINTS: [(&[&str], &str); 8] = [
    (
        &["no space left"],
        "the disk of the Docker engine is full: free space below its data root",
    ),
    (
        &[
            "verification failed",
            "digest verification",
            "does not match",
            "invalid checksum",
        ],
        "what the registry has is not what the digest says: find out why before you use it",
    ),
    (
        &["http response to https"],
        "the registry speaks HTTP: add it to insecure-registries of the Docker engine, or give \
         it TLS",
    ),
    (
        &["unauthorized", "denied", "authentication required"],
        "the registry requires a login: docker login",
    ),
    (
        &[
            "connection refused",
            "no such host",
            "timeout",
            "dial tcp",
            "unreachable",
            "eof",
        ],
        "the registry does not answer",
    ),
    (
        &["no matching manifest"],
        "the registry has it for other machines only: build it for this one",
    ),
    (
        &["manifest unknown", "not found", "unknown blob"],
        "the registry has no such image: compare name and digest",
    ),
    (
        &[
            "invalid tar header",
            "unexpected end",
            "archive/tar",
            "no such file",
        ],
        "it is not an archive made by docker save",
    ),
];

/// Explains the message of an engine in a sentence.
fn hint(words: &str) -> &'static str {
    let words = words.to_lowercase();
    let found = HINTS
        .iter()
        .find(|(marks, _)| marks.iter().any(|mark| words.contains(mark)));
    found.map_or("the Docker engine refuses it", |(_, meaning)| meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_an_engine_get_a_meaning() {
        for (words, expect) in [
            (
                "Get \"http://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused",
                "does not answer",
            ),
            (
                "manifest for r/a@sha256:1 not found: manifest unknown",
                "no such image",
            ),
            (
                "manifest verification failed for digest sha256:1",
                "not what the digest says",
            ),
            ("write /data/x: no space left on device", "is full"),
            ("server gave HTTP response to HTTPS client", "speaks HTTP"),
            ("pull access denied for a", "docker login"),
            ("archive/tar: invalid tar header", "not an archive"),
            ("something else", "refuses it"),
        ] {
            assert!(hint(words).contains(expect), "{words}: {}", hint(words));
        }
    }
}
