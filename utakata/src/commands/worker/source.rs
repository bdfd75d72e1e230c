//! The source of a release: its folder, or an image with a manifest in it.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use tempfile::TempDir;
use utakata_execution::{artifact::Image, config};
use utakata_execution_docker::{Docker, Inspected, Named};
use utakata_model::content::{IMAGE_FILE, MANIFEST_FILE};
use utakata_up::release_folder::ReleaseFolder;

use crate::{exit::Usage, progress};

/// The scheme of a socket in `DOCKER_HOST`.
const SCHEME: &str = "unix://";
/// The name of an archive in its release.
const ARCHIVE: &str = "image.tar";

#[derive(Debug, Args)]
pub struct Arguments {
    /// Folder of the release, or an image: registry/name@sha256:..., registry/name:tag, or
    /// docker-archive:FILE
    #[arg(value_name = "DIR|IMAGE")]
    release: String,
    /// Socket of the Docker engine, for releases that are images
    #[arg(
        long,
        value_name = "SOCKET",
        env = "DOCKER_HOST",
        default_value = "unix:///var/run/docker.sock"
    )]
    docker: String,
}

/// The folder of a release, removed with this if it was made for it.
#[derive(Debug)]
pub(super) struct Source {
    folder: PathBuf,
    made: Option<TempDir>,
}

impl Arguments {
    /// Opens the folder of the release.
    ///
    /// # Errors
    /// The image cannot be a release.
    pub(super) async fn open(&self) -> Result<Source> {
        let Some(named) = named(&self.release)? else {
            return Ok(Source {
                folder: (&self.release).into(),
                made: None,
            });
        };
        let asked = format!("looking at {named}");
        let docker = self.engine()?;
        let inspected = progress::during(&asked, docker.inspect(&named)).await;
        let inspected = inspected.map_err(|error| anyhow::anyhow!(error.problem().to_string()))?;
        if let Named::Tagged(tag) = &named {
            tell!(
                "{tag} is now {}: the release contains that",
                inspected.image
            );
        }
        Source::make(&inspected)
    }

    /// Returns the engine to use, which need not run.
    pub(super) fn engine(&self) -> Result<Docker> {
        let socket = self.docker.strip_prefix(SCHEME).unwrap_or(&self.docker);
        if socket.contains("://") {
            bail!(Usage(format!(
                "a Docker engine is reached by its socket, and {socket} is not one: \
                 --docker /var/run/docker.sock"
            )));
        }
        Ok(Docker::new(config::Docker {
            socket: socket.into(),
            ..config::Docker::default()
        }))
    }
}

/// Returns the image, or `None` if a folder was given.
fn named(release: &str) -> Result<Option<Named>> {
    if Path::new(release).is_dir() {
        return Ok(None);
    }
    Named::parse(release).map_err(|error| Usage(error.to_string()).into())
}

impl Source {
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Reads the release. The folder that was made for an image has a link to its archive, which is
    /// what was named.
    pub(super) fn read(&self) -> Result<ReleaseFolder> {
        match &self.made {
            None => ReleaseFolder::read(&self.folder),
            Some(_) => ReleaseFolder::read_here(&self.folder),
        }
    }

    /// Creates the folder of an image.
    fn make(inspected: &Inspected) -> Result<Self> {
        let made = tempfile::tempdir().context("a folder for the release cannot be created")?;
        let written = || -> std::io::Result<()> {
            let place = match &inspected.image {
                Image::Pinned(reference) => format!("image = \"{}\"\n", reference.as_str()),
                Image::Archive(archive) => {
                    symlink(std::path::absolute(archive)?, made.path().join(ARCHIVE))?;
                    format!("archive = \"{ARCHIVE}\"\n")
                }
            };
            fs::write(made.path().join(IMAGE_FILE), place)?;
            fs::write(made.path().join(MANIFEST_FILE), &inspected.text)
        };
        written().context("the folder of the release cannot be written")?;
        Ok(Self {
            folder: made.path().into(),
            made: Some(made),
        })
    }
}
