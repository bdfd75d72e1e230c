//! PostgreSQL: as many databases as there are tests, killed and restarted at will.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail};

use super::{Server, Transport};

/// A running PostgreSQL; see `tests/servers/postgres.sh`. Everything in it is removed on drop.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
    databases: AtomicU32,
}

impl Postgres {
    pub const USER: &'static str = "postgres";
    pub const PASSWORD: &'static str = "secret";

    /// Starts a server on a free port.
    ///
    /// # Errors
    /// PostgreSQL is not installed or does not start.
    pub fn start() -> Result<Self> {
        Self::start_with(&[])
    }

    /// Starts a server with further options, such as `["-c", "max_connections=5"]`.
    ///
    /// # Errors
    /// PostgreSQL is not installed or does not start.
    pub fn start_with(options: &[&str]) -> Result<Self> {
        let server = Server::start("postgres.sh", Transport::Tcp, options)?;
        Ok(Self {
            server,
            databases: AtomicU32::new(0),
        })
    }

    /// Starts a server with these environment variables.
    ///
    /// # Errors
    /// PostgreSQL is not installed or does not start.
    pub fn start_in(variables: &[(&str, &Path)]) -> Result<Self> {
        let none: &[&str] = &[];
        let server = Server::start_with("postgres.sh", Transport::Tcp, none, variables)?;
        Ok(Self {
            server,
            databases: AtomicU32::new(0),
        })
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

    /// Creates a separate database, and returns its URL with the superuser.
    ///
    /// # Errors
    /// PostgreSQL's message.
    pub fn database(&self) -> Result<String> {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"))?;
        Ok(self.url(Self::USER, Self::PASSWORD, &name))
    }

    /// The URL of a database for a user, whether they exist or not.
    #[must_use]
    pub fn url(&self, user: &str, password: &str, database: &str) -> String {
        format!("postgres://{user}:{password}@{}/{database}", self.address())
    }

    /// Returns the answer to a statement of the superuser in a database: one row per line, columns
    /// separated by ` `.
    ///
    /// # Errors
    /// PostgreSQL refuses the statement; its message is included.
    pub fn sql(&self, database: &str, statement: &str) -> Result<String> {
        let url = self.url(Self::USER, Self::PASSWORD, database);
        let output = Command::new("psql")
            .args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement, &url])
            .output()
            .context("running psql")?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Kills it, as if the power had failed.
    ///
    /// # Errors
    /// Something of it is left after 5 s.
    pub fn kill(&mut self) -> Result<()> {
        self.server.kill()
    }

    /// Returns true if it has ended, as it does when it cannot recover.
    ///
    /// # Errors
    /// The operating system does not say.
    pub fn has_ended(&mut self) -> Result<bool> {
        self.server.has_ended()
    }

    /// Starts it again after [`Self::kill`], with its databases and its port.
    ///
    /// # Errors
    /// Its message, if it does not start.
    pub fn start_again(&mut self) -> Result<()> {
        self.server.start_again()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Asked to end, it would wait for its clients; its data is discarded anyhow.
        let _ = self.kill();
    }
}
