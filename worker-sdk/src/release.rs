//! The release that a worker is run from.

use std::{
    io,
    path::{Path, PathBuf},
};

use utakata_model::{Manifest, manifest::ManifestError};

/// The file of a release that holds its manifest.
pub const MANIFEST_FILE: &str = "worker.toml";

/// The release that a worker is run from: its folder and its manifest.
#[derive(Debug, Clone)]
pub struct Release {
    /// The folder, with everything that the release came with.
    pub folder: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
}

/// The reason a folder is no release.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// Its manifest cannot be opened.
    #[error("cannot read {}: a release is a folder with a worker.toml", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// The message of the system.
        #[source]
        source: io::Error,
    },
    /// Its manifest is wrong.
    #[error("{} is not a manifest", file.display())]
    Manifest {
        /// The file.
        file: PathBuf,
        /// The problem.
        #[source]
        source: ManifestError,
    },
}

impl Release {
    /// Reads the release in a folder. Errors: no `worker.toml`, or one that is wrong.
    pub fn read(folder: &Path) -> Result<Self, ReleaseError> {
        let file = folder.join(MANIFEST_FILE);
        let text = std::fs::read_to_string(&file).map_err(|source| ReleaseError::Read {
            file: file.clone(),
            source,
        })?;
        let manifest =
            Manifest::parse(&text).map_err(|source| ReleaseError::Manifest { file, source })?;
        Ok(Self {
            folder: folder.into(),
            manifest,
        })
    }
}
