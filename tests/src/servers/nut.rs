//! Network UPS Tools: a real `upsd`, whose drivers tell what a file says.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{Server, Transport};

/// A running `upsd`; see `tests/servers/nut.sh`.
#[derive(Debug)]
pub struct Nut {
    server: Server,
}

impl Nut {
    /// The user who may do everything.
    pub const USER: &'static str = "admin";
    /// The user who may only look.
    pub const VIEWER: &'static str = "viewer";
    pub const PASSWORD: &'static str = "secret";

    /// Serves UPSs with these names and variables.
    ///
    /// # Errors
    /// NUT is not installed or does not start.
    pub fn start(all: &[(&str, &str)]) -> Result<Self> {
        let files = tempfile::tempdir()?;
        let mut arguments: Vec<OsString> = Vec::new();
        for (name, variables) in all {
            let file = files.path().join(name);
            fs::write(&file, variables)?;
            arguments.push(format!("{name}={}", file.display()).into());
        }
        let server = Server::start("nut.sh", Transport::Tcp, &arguments)?;
        Ok(Self { server })
    }

    /// Returns the address on which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns the value of a variable according to Debian's `upsc`.
    ///
    /// # Errors
    /// `upsc` reports one.
    pub fn upsc(&self, ups: &str, variable: &str) -> Result<String> {
        let place = format!("{ups}@{}", self.address());
        let done = Command::new("upsc").args([&place, variable]).output()?;
        let error = String::from_utf8_lossy(&done.stderr);
        ensure!(done.status.success(), "upsc: {error}");
        Ok(String::from_utf8(done.stdout)?.trim().to_owned())
    }

    /// Makes the driver of a UPS tell other values.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn tell(&self, ups: &str, variables: &str) -> Result<()> {
        let file = self.server.state().join(format!("{ups}.dev"));
        fs::write(&file, variables).with_context(|| file.display().to_string())
    }

    /// Freezes the driver of a UPS: after some seconds its values are stale.
    ///
    /// # Errors
    /// There is no such driver.
    pub fn freeze(&self, ups: &str) -> Result<()> {
        let file = self.server.state().join(format!("{ups}.pid"));
        let pid = fs::read_to_string(&file)?;
        let done = Command::new("kill").args(["-STOP", pid.trim()]).status()?;
        ensure!(done.success(), "the driver of {ups} cannot be stopped");
        Ok(())
    }
}
