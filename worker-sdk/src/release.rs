//! The release from which a worker is run.

use std::{
    io,
    path::{Path, PathBuf},
};

use utakata_model::{Manifest, manifest::ManifestError};

/// The name of the manifest file in a release.
pub const MANIFEST_FILE: &str = "worker.toml";

/// The release from which a worker is run: its folder and its manifest.
#[derive(Debug, Clone)]
pub struct Release {
    /// The folder with the files of the release.
    pub folder: PathBuf,
    /// The manifest of the release.
    pub manifest: Manifest,
}

/// The reason why a folder is not a release.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The manifest cannot be read.
    #[error("cannot read {}: a release is a folder with a worker.toml", file.display())]
    Read {
        /// The path of the file.
        file: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The manifest is invalid.
    #[error("{} is not a manifest", file.display())]
    Manifest {
        /// The path of the file.
        file: PathBuf,
        /// The mistake.
        #[source]
        source: ManifestError,
    },
}

impl Release {
    /// Reads the release in a folder.
    ///
    /// # Errors
    /// There is no `worker.toml`, or it is invalid.
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
