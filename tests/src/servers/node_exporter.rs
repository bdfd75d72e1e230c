//! Prometheus' node exporter: the host on which the tests run, and samples of their own.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context, Result};

use super::{Server, Transport};

/// A running node exporter; see `tests/servers/node-exporter.sh`.
#[derive(Debug)]
pub struct NodeExporter {
    server: Server,
}

impl NodeExporter {
    /// Starts one that also tells these samples.
    ///
    /// # Errors
    /// It is not installed or does not start.
    pub fn start(samples: &str) -> Result<Self> {
        let file = tempfile::NamedTempFile::new()?;
        fs::write(file.path(), samples)?;
        let server = Server::start("node-exporter.sh", Transport::Tcp, &[file.path()])?;
        Ok(Self { server })
    }

    /// Returns the address on which it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns the value of a sample without labels, according to curl.
    ///
    /// # Errors
    /// There is none.
    pub fn sample(&self, name: &str) -> Result<String> {
        let page = format!("http://{}/metrics", self.address());
        let done = Command::new("curl").args(["-sf", &page]).output()?;
        let text = String::from_utf8(done.stdout)?;
        let start = format!("{name} ");
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(&start));
        Ok(value.with_context(|| format!("no {name}"))?.to_owned())
    }
}
