//! Alertmanager: it takes alerts, and shows those that it has.

use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{Server, Transport};

/// A running Alertmanager; see `tests/servers/alertmanager.sh`.
#[derive(Debug)]
pub struct Alertmanager {
    server: Server,
}

impl Alertmanager {
    /// Starts it without alerts.
    ///
    /// # Errors
    /// It is not installed or does not start.
    pub fn start() -> Result<Self> {
        let none: [&str; 0] = [];
        let server = Server::start("alertmanager.sh", Transport::Tcp, &none)?;
        Ok(Self { server })
    }

    /// Returns the URL at which it takes alerts.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/api/v2/alerts", self.server.address())
    }

    /// Returns the active alerts, as its own tool shows them.
    ///
    /// # Errors
    /// It does not answer.
    pub fn alerts(&self) -> Result<Vec<Value>> {
        let url = format!("http://{}", self.server.address());
        let output = Command::new("amtool")
            .args([
                "alert",
                "query",
                "--output=json",
                "--alertmanager.url",
                &url,
            ])
            .output()
            .context("amtool")?;
        if !output.status.success() {
            bail!("amtool: {}", String::from_utf8_lossy(&output.stderr));
        }
        serde_json::from_slice(&output.stdout).context("the answer of amtool")
    }

    /// The server process: to kill it and start it again.
    #[must_use]
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }
}
