//! aiosmtpd: a mail server that keeps what it takes.

use std::{fs, net::SocketAddr, path::PathBuf};

use anyhow::Result;

use super::{Server, Transport};

/// A running mail server; see `tests/servers/smtp.sh`.
#[derive(Debug)]
pub struct Smtp {
    server: Server,
}

impl Smtp {
    /// Starts one that takes everything without TLS.
    ///
    /// # Errors
    /// aiosmtpd is not installed or does not start.
    pub fn start() -> Result<Self> {
        Self::start_with(&[])
    }

    /// Starts one that needs STARTTLS, the user `utakata` and the password `secret`.
    ///
    /// # Errors
    /// aiosmtpd is not installed or does not start.
    pub fn start_tls() -> Result<Self> {
        Self::start_with(&["tls"])
    }

    fn start_with(arguments: &[&str]) -> Result<Self> {
        let server = Server::start("smtp.sh", Transport::Tcp, arguments)?;
        Ok(Self { server })
    }

    /// Returns the address on which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns the file with its certificate.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.server.state().join("server.crt")
    }

    /// Returns the messages that it has taken, the oldest first.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn messages(&self) -> Result<Vec<String>> {
        let folder = self.server.state().join("mail");
        let mut messages = Vec::new();
        loop {
            let path = folder.join(format!("{}.eml", messages.len() + 1));
            if !path.exists() {
                return Ok(messages);
            }
            messages.push(String::from_utf8_lossy(&fs::read(path)?).into_owned());
        }
    }

    /// The server process: to kill it and start it again.
    #[must_use]
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }
}
