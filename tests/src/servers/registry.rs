//! A registry of images: what is pushed there is pulled by its digest.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{Dockerd, Server, Transport};

/// A running registry; see `tests/servers/registry.sh`. What it has is gone with the guard.
#[derive(Debug)]
pub struct Registry {
    server: Server,
}

impl Registry {
    /// Starts a registry on a free port.
    ///
    /// # Errors
    /// docker-registry is not installed or does not start.
    pub fn start() -> Result<Self> {
        let server = Server::start::<&str>("registry.sh", Transport::Tcp, &[])?;
        Ok(Self { server })
    }

    /// Returns the address on which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The folder with what was pushed, by digest.
    #[must_use]
    pub fn blobs(&self) -> PathBuf {
        self.server
            .state()
            .join("data/docker/registry/v2/blobs/sha256")
    }

    /// Pushes an image of an engine under a name, and makes the engine forget it. Gives its
    /// reference, pinned by its digest.
    ///
    /// # Errors
    /// With what Docker says.
    pub fn push(&self, engine: &Dockerd, image: &str, name: &str) -> Result<String> {
        let name = format!("{}/{name}", self.address());
        engine.docker(&["tag", image, &name])?;
        engine.docker(&["push", "--quiet", &name])?;
        let format = "{{index .RepoDigests 0}}";
        let reference = engine.docker(&["image", "inspect", "--format", format, &name])?;
        engine.docker(&["image", "rm", "--force", &name, image])?;
        let (_, digest) = reference
            .split_once('@')
            .context("a reference has a digest")?;
        Ok(format!("{name}@{digest}"))
    }
}
