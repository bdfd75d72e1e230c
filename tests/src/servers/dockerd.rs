//! A Docker engine: images are built in it, and containers inspected, with Docker's own tool.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{Server, Transport};
use crate::repository;

/// A running Docker engine; see `tests/servers/dockerd.sh`. Everything in it is removed on drop.
#[derive(Debug)]
pub struct Dockerd {
    server: Server,
    was_killed: bool,
}

impl Dockerd {
    /// Starts an engine.
    ///
    /// # Errors
    /// Docker is not installed, or cannot run here: it needs root.
    pub fn start() -> Result<Self> {
        Self::start_with(&[])
    }

    /// Starts one with additional engine options, such as `["--live-restore"]`.
    ///
    /// # Errors
    /// As for [`Self::start`].
    pub fn start_with(options: &[&str]) -> Result<Self> {
        let server = Server::start("dockerd.sh", Transport::Tcp, options)?;
        Ok(Self {
            server,
            was_killed: false,
        })
    }

    /// Returns the socket on which it listens.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.server.state().join("docker.sock")
    }

    /// The server process: to pause and resume it, and to read its log.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Returns the answer of `docker <arguments>`.
    ///
    /// # Errors
    /// Docker fails; its message is included.
    pub fn docker<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Result<String> {
        let host = format!("unix://{}", self.socket().display());
        let output = Command::new("docker")
            .env("DOCKER_HOST", host)
            .env("DOCKER_BUILDKIT", "0")
            .args(arguments)
            .output()
            .context("running docker")?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Builds an image from the `Dockerfile` in a folder, with options such as `["--label",
    /// "a=b"]`.
    ///
    /// # Errors
    /// Docker's message.
    pub fn build(&self, name: &str, folder: &Path, options: &[&str]) -> Result<()> {
        let folder = folder.to_str().context("the folder has no name in UTF-8")?;
        let start = ["build", "--quiet", "--tag", name];
        self.docker(&[&start, options, &[folder]].concat())?;
        Ok(())
    }

    /// Returns the ids of running containers.
    ///
    /// # Errors
    /// Docker's message.
    pub fn running(&self) -> Result<Vec<String>> {
        let listed = self.docker(&["ps", "--quiet", "--no-trunc"])?;
        Ok(listed.lines().map(str::to_owned).collect())
    }

    /// Returns the ids of all containers, running or not.
    ///
    /// # Errors
    /// Docker's message.
    pub fn containers(&self) -> Result<Vec<String>> {
        let listed = self.docker(&["ps", "--all", "--quiet", "--no-trunc"])?;
        Ok(listed.lines().map(str::to_owned).collect())
    }

    /// Kills it, as if it had crashed. Its containers continue to run.
    ///
    /// # Errors
    /// Something of it is left after 5 s.
    pub fn kill(&mut self) -> Result<()> {
        self.was_killed = true;
        self.server.kill()
    }

    /// Starts it again after [`Self::kill`], with its images.
    ///
    /// # Errors
    /// Its message, if it does not start.
    pub fn start_again(&mut self) -> Result<()> {
        self.server.start_again()?;
        self.was_killed = false;
        Ok(())
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        if self.was_killed {
            // Its remains would outlive the test.
            let script = repository::root().join("tests/servers/dockerd.sh");
            let state = self.server.state();
            let _ = Command::new(script).arg(state).arg("clean").status();
        }
    }
}
