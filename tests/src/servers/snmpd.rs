//! net-snmp's agent: a real device that reads, writes and refuses as it should.

use std::fs;
use std::net::SocketAddr;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::netsnmp::{Client, Privacy};

use super::{Port, Server, Transport, server};

/// A running `snmpd`; see `tests/servers/snmpd.sh` for its users and writable objects.
#[derive(Debug)]
pub struct Snmpd {
    server: Server,
}

impl Snmpd {
    /// The community with write access.
    pub const WRITE: &'static str = "private";
    /// The community for reading.
    pub const READ: &'static str = "public";
    /// The v3 user with SHA-256 and AES-128.
    pub const USER: &'static str = "utakata";
    /// The v3 user with SHA-512 and AES-256.
    pub const STRONG_USER: &'static str = "strong";
    /// The v3 user with SHA-1 and no privacy.
    pub const AUTH_ONLY_USER: &'static str = "authonly";
    /// The authentication secret of every v3 user.
    pub const AUTH_SECRET: &'static str = "authsecret1";
    /// The privacy secret of every v3 user.
    pub const PRIVACY_SECRET: &'static str = "privsecret1";

    /// Starts an agent on a free port.
    ///
    /// # Errors
    /// `snmpd` is not installed or does not start.
    pub fn start() -> Result<Self> {
        let server = Server::start::<&str>("snmpd.sh", Transport::Udp, &[])?;
        Ok(Self { server })
    }

    /// Starts an agent with further lines in its `snmpd.conf`, such as `override -rw
    /// .1.3.6.1.4.1.99999.1.0 integer 1`.
    ///
    /// # Errors
    /// `snmpd` is not installed or does not start.
    pub fn start_with(configuration: &str) -> Result<Self> {
        let folder = TempDir::new().context("making a folder for snmpd.conf")?;
        let file = folder.path().join("extra.conf");
        fs::write(&file, configuration).context("writing the lines for snmpd.conf")?;
        let arguments = ["--conf".as_ref(), file.as_os_str()];
        let server = Server::start("snmpd.sh", Transport::Udp, &arguments)?;
        Ok(Self { server })
    }

    /// Starts an agent with `count` interfaces that are the same on every machine and do not change
    /// (row `n`: `GigabitEthernet0/n`, `n` million octets in and twice as many out), which answers
    /// on `addresses` addresses at once: [`Self::address_of`].
    ///
    /// # Errors
    /// `snmpd` is not installed or does not start.
    pub fn start_many(addresses: u16, count: u16) -> Result<Self> {
        let (addresses, count) = (addresses.max(1).to_string(), count.to_string());
        let arguments = ["--addresses", &addresses, "--interfaces", &count];
        let server = Server::start("snmpd.sh", Transport::Udp, &arguments)?;
        Ok(Self { server })
    }

    /// Returns an address on which the agent of [`Self::start_many`] listens, by its number from 0.
    #[must_use]
    pub fn address_of(&self, number: u16) -> SocketAddr {
        let [high, low] = [number / 250, number % 250 + 1].map(|part| part.to_le_bytes()[0]);
        SocketAddr::from(([127, 20, high, low], self.server.port()))
    }

    /// Starts an agent on a port that another one had before ([`Self::claim`]): a device that
    /// returns.
    ///
    /// # Errors
    /// `snmpd` is not installed or does not start.
    pub fn start_on(port: &Port) -> Result<Self> {
        let server = Server::start_in::<&str>(server::new_state()?, "snmpd.sh", port, &[])?;
        Ok(Self { server })
    }

    /// Returns the address on which it listens; not after [`Self::start_many`].
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Its port, reserved while this is held.
    #[must_use]
    pub fn claim(&self) -> Option<Port> {
        self.server.claim().cloned()
    }

    /// The server process: to pause and resume it, and to read its log.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Returns Debian's tools for this agent, with the community for reading and writing.
    ///
    /// # Errors
    /// No folder can be made for the tools' state.
    pub fn client(&self) -> Result<Client> {
        Client::v2c(self.address(), Self::WRITE)
    }

    /// Returns Debian's tools for this agent, as [`Self::USER`].
    ///
    /// # Errors
    /// No folder can be made for the tools' state.
    pub fn client_v3(&self) -> Result<Client> {
        let privacy = Privacy {
            protocol: "AES",
            secret: Self::PRIVACY_SECRET,
        };
        Client::v3(
            self.address(),
            Self::USER,
            ("SHA-256", Self::AUTH_SECRET),
            Some(privacy),
        )
    }
}
