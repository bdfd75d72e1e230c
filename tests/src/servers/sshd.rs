//! OpenSSH: the host on which the tests run.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context, Result};

use super::{Server, Transport};

/// A running `sshd`; see `tests/servers/sshd.sh`.
#[derive(Debug)]
pub struct Sshd {
    server: Server,
}

impl Sshd {
    /// Starts one.
    ///
    /// # Errors
    /// It is not installed or does not start.
    pub fn start() -> Result<Self> {
        let server = Server::start::<&str>("sshd.sh", Transport::Tcp, &[])?;
        Ok(Self { server })
    }

    /// Starts it anew with another key, as a host that was replaced.
    ///
    /// # Errors
    /// It does not start.
    pub fn replace(&mut self) -> Result<()> {
        self.end_sessions()?;
        self.server.kill()?;
        fs::remove_file(self.server.state().join("host"))?;
        self.server.start_again()
    }

    /// Ends what it has with others: its sessions are processes that outlive it.
    fn end_sessions(&self) -> Result<()> {
        let pid = fs::read_to_string(self.server.state().join("sshd.pid"))?;
        let arguments = ["-KILL", "-P", pid.trim()];
        Command::new("pkill").args(arguments).status()?;
        Ok(())
    }

    /// Kills it.
    ///
    /// # Errors
    /// Something of it is left.
    pub fn kill(&mut self) -> Result<()> {
        self.server.kill()
    }

    /// Returns the address on which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The user whom it lets in: the one who runs the tests.
    ///
    /// # Errors
    /// The operating system does not say.
    pub fn user(&self) -> Result<String> {
        let done = Command::new("id").arg("-un").output()?;
        Ok(String::from_utf8(done.stdout)?.trim().to_owned())
    }

    /// The private key of the user.
    ///
    /// # Errors
    /// There is none.
    pub fn private_key(&self) -> Result<String> {
        Ok(fs::read_to_string(self.server.state().join("user"))?)
    }

    /// The key of the host, as `ssh-keyscan` prints it.
    ///
    /// # Errors
    /// There is none.
    pub fn public_key(&self) -> Result<String> {
        let key = fs::read_to_string(self.server.state().join("host.pub"))?;
        Ok(format!("{} {}", self.address(), key.trim()))
    }

    /// The fingerprint of the host, according to `ssh-keygen`.
    ///
    /// # Errors
    /// There is none.
    pub fn fingerprint(&self) -> Result<String> {
        let file = self.server.state().join("host.pub");
        let done = Command::new("ssh-keygen").arg("-lf").arg(file).output()?;
        let text = String::from_utf8(done.stdout)?;
        let word = text.split_whitespace().nth(1);
        Ok(word.context("no fingerprint")?.to_owned())
    }

    /// The number of times that somebody was let in.
    #[must_use]
    pub fn logins(&self) -> usize {
        let log = fs::read_to_string(self.server.state().join("log"));
        log.unwrap_or_default()
            .matches("Accepted publickey")
            .count()
    }
}
