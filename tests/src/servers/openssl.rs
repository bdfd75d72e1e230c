//! OpenSSL's own server: TLS, and a page behind it.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;

use super::{Server, Transport};

/// A running `openssl s_server`; see `tests/servers/openssl.sh`.
#[derive(Debug)]
pub struct Openssl {
    server: Server,
}

impl Openssl {
    /// Serves a certificate that is valid for this many days.
    ///
    /// # Errors
    /// OpenSSL is not installed or does not start.
    pub fn start(days: u32) -> Result<Self> {
        let arguments = [days.to_string()];
        let server = Server::start("openssl.sh", Transport::Tcp, &arguments)?;
        Ok(Self { server })
    }

    /// Starts it anew, with another certificate.
    ///
    /// # Errors
    /// It does not start.
    pub fn renew(&mut self) -> Result<()> {
        self.server.kill()?;
        self.server.start_again()
    }

    /// Returns the address on which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The path of its certificate, in PEM.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.server.state().join("server.crt")
    }
}
