//! BMCs with IPMI over LAN: OpenIPMI's simulator, and one made of pyghmi.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{Server, Transport};

/// A running BMC; see `tests/servers/ipmi-sim.sh` and `ipmi-sha256.sh`.
#[derive(Debug)]
pub struct Ipmi {
    server: Server,
    suite: &'static str,
}

impl Ipmi {
    /// The user who may do everything.
    pub const USER: &'static str = "admin";
    pub const PASSWORD: &'static str = "secret";

    /// Starts one with cipher suite 3.
    ///
    /// # Errors
    /// It is not installed or does not start.
    pub fn sha1() -> Result<Self> {
        let server = Server::start::<&str>("ipmi-sim.sh", Transport::Udp, &[])?;
        let suite = "3";
        Ok(Self { server, suite })
    }

    /// Starts one with cipher suite 17.
    ///
    /// # Errors
    /// It is not installed or does not start.
    pub fn sha256() -> Result<Self> {
        let server = Server::start::<&str>("ipmi-sha256.sh", Transport::Udp, &[])?;
        let suite = "17";
        Ok(Self { server, suite })
    }

    /// Returns the address on which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns what `ipmitool` prints.
    ///
    /// # Errors
    /// It reports one.
    pub fn ipmitool(&self, arguments: &[&str]) -> Result<String> {
        let port = self.address().port().to_string();
        let done = Command::new("ipmitool")
            .args(["-I", "lanplus", "-H", "127.0.0.1", "-N", "2", "-R", "3"])
            .args(["-p", &port, "-C", self.suite])
            .args(["-U", Self::USER, "-P", Self::PASSWORD])
            .args(arguments)
            .output()
            .context("ipmitool")?;
        let error = String::from_utf8_lossy(&done.stderr);
        ensure!(done.status.success(), "ipmitool: {error}");
        Ok(String::from_utf8(done.stdout)?)
    }

    /// Makes a sensor of the simulator tell another raw number, within a second.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn tell(&self, sensor: &str, raw: u8) -> Result<()> {
        let file = self.server.state().join(format!("{sensor}.raw"));
        fs::write(&file, format!("{raw}\n")).with_context(|| file.display().to_string())
    }

    /// Returns what the chassis was told.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn orders(&self) -> Result<Vec<String>> {
        let orders = fs::read_to_string(self.server.state().join("orders"))?;
        Ok(orders.lines().map(|line| line.trim().to_owned()).collect())
    }
}
