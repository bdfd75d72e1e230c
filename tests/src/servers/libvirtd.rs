//! libvirt's daemon: virtual machines in memory.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{Server, Transport};

/// A running `libvirtd`; see `tests/servers/libvirtd.sh`.
#[derive(Debug)]
pub struct Libvirtd {
    server: Server,
}

impl Libvirtd {
    /// Starts one with this many virtual machines, `vm1` and so on.
    ///
    /// # Errors
    /// It is not installed or does not start.
    pub fn start(machines: usize) -> Result<Self> {
        let arguments = [machines.to_string()];
        let server = Server::start("libvirtd.sh", Transport::Tcp, &arguments)?;
        Ok(Self { server })
    }

    /// Returns the address on which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns the path of its unix socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.server.state().join("libvirt-sock")
    }

    /// Returns the URI by which libvirt's own clients reach it.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("test+tcp://{}/default", self.address())
    }

    /// Returns what `virsh` prints.
    ///
    /// # Errors
    /// It reports one.
    pub fn virsh(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new("virsh");
        command.env("LC_ALL", "C").args(["-q", "-c", &self.uri()]);
        let done = command.args(arguments).output().context("virsh")?;
        let error = String::from_utf8_lossy(&done.stderr);
        ensure!(done.status.success(), "virsh: {error}");
        Ok(String::from_utf8(done.stdout)?)
    }
}
