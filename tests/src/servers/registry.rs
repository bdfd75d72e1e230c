//! A registry of images: pushed images are pulled by digest.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{Dockerd, Server, Transport};

/// A running registry; see `tests/servers/registry.sh`. Everything in it is removed on drop.
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

    /// The folder with everything pushed, by digest.
    #[must_use]
    pub fn blobs(&self) -> PathBuf {
        self.server
            .state()
            .join("data/docker/registry/v2/blobs/sha256")
    }

    /// Pushes an image from an engine under a name, and removes it from the engine. Returns its
    /// reference, pinned by digest.
    ///
    /// # Errors
    /// Docker's message.
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
