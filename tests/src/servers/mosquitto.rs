//! Mosquitto: a real MQTT broker, which can be killed and restarted.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::{Port, Server, Transport, server};

const SCRIPT: &str = "mosquitto.sh";

/// A separate broker; see `tests/servers/mosquitto.sh`.
#[derive(Debug)]
pub struct Mosquitto {
    /// The server. Absent while it is killed.
    server: Option<Server>,
    port: Port,
    state: Arc<TempDir>,
    arguments: Vec<OsString>,
}

impl Mosquitto {
    /// The user with all permissions, unless an access list says otherwise.
    pub const USER: &'static str = "admin";
    pub const PASSWORD: &'static str = "secret";

    /// Starts a broker on a free port.
    ///
    /// # Errors
    /// `mosquitto` is not installed or does not start.
    pub fn start() -> Result<Self> {
        Self::start_with(Vec::new())
    }

    /// Starts a broker on a port claimed before, where somebody already waits for it.
    ///
    /// # Errors
    /// `mosquitto` is not installed or does not start.
    pub fn start_on(port: &Port) -> Result<Self> {
        Self::start_in(port.clone(), Vec::new())
    }

    /// Starts a broker with the rights in a file, and these users in addition to the administrator.
    ///
    /// # Errors
    /// `mosquitto` is not installed or does not start.
    pub fn start_with_rights(acl: &Path, users: &[&str]) -> Result<Self> {
        let mut arguments = vec!["--acl".into(), acl.into()];
        for user in users {
            arguments.extend(["--user".into(), user.into()]);
        }
        Self::start_with(arguments)
    }

    /// Starts a broker that speaks only TLS, and only with clients that have a certificate.
    ///
    /// # Errors
    /// `mosquitto` is not installed or does not start.
    pub fn start_with_tls() -> Result<Self> {
        Self::start_with(vec!["--tls".into()])
    }

    fn start_with(arguments: Vec<OsString>) -> Result<Self> {
        Self::start_in(Port::claim(Transport::Tcp)?, arguments)
    }

    fn start_in(port: Port, arguments: Vec<OsString>) -> Result<Self> {
        let mut broker = Self {
            server: None,
            port,
            state: server::new_state()?,
            arguments,
        };
        broker.start_again()?;
        Ok(broker)
    }

    /// Kills it as `kill -9` does. It keeps what it has saved.
    ///
    /// # Errors
    /// It is killed already, or does not end.
    pub fn kill(&mut self) -> Result<()> {
        let mut server = self.server.take().context("the broker is killed already")?;
        server.kill()
    }

    /// Returns the folder with everything that it has written.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.state.path()
    }

    /// Starts it on its port and with its state, after [`Self::kill`].
    ///
    /// # Errors
    /// It does not start.
    pub fn start_again(&mut self) -> Result<()> {
        let state = Arc::clone(&self.state);
        let server = Server::start_in(state, SCRIPT, &self.port, &self.arguments)?;
        self.server = Some(server);
        Ok(())
    }

    /// Returns the address on which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port.number()))
    }

    /// Returns the URL for the administrator.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_as(Self::USER)
    }

    /// Returns the URL for another user.
    #[must_use]
    pub fn url_as(&self, user: &str) -> String {
        format!("mqtt://{user}:{}@{}", Self::PASSWORD, self.address())
    }

    /// The path of a file written by its script, such as `ca.crt`.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.state.path().join("state").join(name)
    }

    /// The server process: to pause and resume it, and to read its log.
    ///
    /// # Errors
    /// While it is killed.
    pub fn server(&self) -> Result<&Server> {
        self.server.as_ref().context("the broker is killed")
    }
}
