//! Recordings of real devices, replayed over SNMP.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Result;

use crate::netsnmp::Client;

use super::{Server, Transport};

/// A running `snmpsim`: every recording in a folder on one port, selected by the community.
#[derive(Debug)]
pub struct Snmpsim {
    server: Server,
}

impl Snmpsim {
    /// Serves the `NAME.snmprec` files of a folder, for example of
    /// [`crate::repository::recordings`].
    ///
    /// # Errors
    /// snmpsim is not installed, the folder has no recording, or it does not start.
    pub fn start(recordings: impl AsRef<Path>) -> Result<Self> {
        let arguments = [recordings.as_ref().as_os_str()];
        let server = Server::start("snmpsim.sh", Transport::Udp, &arguments)?;
        Ok(Self { server })
    }

    /// Returns the address on which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The server process: to pause and resume it, and to read its log.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Returns Debian's tools for one device.
    ///
    /// # Errors
    /// No folder can be made for the tools' state.
    pub fn client(&self, device: &str) -> Result<Client> {
        Client::v2c(self.address(), device)
    }
}
