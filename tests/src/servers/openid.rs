//! oidc-provider: people log in at it, as those that it is told of.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{Server, Transport};
use crate::repository;

/// A running OpenID provider; see `tests/servers/openid.sh`.
#[derive(Debug)]
pub struct Openid {
    server: Server,
}

impl Openid {
    /// The secret of the client `utakata`.
    pub const SECRET: &str = "a secret: 100% +/=?";

    /// Starts one that nobody can log in at yet.
    ///
    /// # Errors
    /// It is not installed or does not start.
    pub fn start() -> Result<Self> {
        let none: [&str; 0] = [];
        let server = Server::start("openid.sh", Transport::Tcp, &none)?;
        Ok(Self { server })
    }

    /// Returns its issuer.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Writes the secret of the client `utakata` to a file; returns the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn secret_in(&self, folder: &Path) -> Result<PathBuf> {
        let path = folder.join("client-secret");
        fs::write(&path, format!("{}\n", Self::SECRET))?;
        Ok(path)
    }

    /// Sets who can log in, by subject, each with their claims.
    ///
    /// # Errors
    /// The file of accounts cannot be written.
    pub fn accounts(&self, accounts: &Value) -> Result<()> {
        let path = self.server.state().join("accounts.json");
        let part = path.with_extension("part");
        fs::write(&part, accounts.to_string())?;
        Ok(fs::rename(part, path)?)
    }

    /// Logs in as a subject with a browser, and agrees; returns the address to which the provider
    /// sends the browser.
    ///
    /// # Errors
    /// The provider shows a page instead.
    pub fn agree(&self, url: &str, subject: &str) -> Result<String> {
        let end = person(&[url, subject])?;
        let url = end["url"].as_str().map(str::to_owned);
        url.with_context(|| format!("the provider says {}", end["text"]))
    }

    /// Does not agree; returns the address to which the provider sends the browser.
    ///
    /// # Errors
    /// The provider shows a page instead.
    pub fn refuse(&self, url: &str, subject: &str) -> Result<String> {
        let end = person(&[url, subject, "no"])?;
        let url = end["url"].as_str().map(str::to_owned);
        url.with_context(|| format!("the provider says {}", end["text"]))
    }

    /// Agrees to a login on another device; returns the last page of the provider as text.
    ///
    /// # Errors
    /// The browser ends elsewhere.
    pub fn agree_on_device(&self, url: &str, subject: &str) -> Result<String> {
        let end = person(&[url, subject])?;
        let text = end["text"].as_str().map(str::to_owned);
        text.with_context(|| format!("the browser ends at {}", end["url"]))
    }

    /// The server process: to kill it and start it again.
    #[must_use]
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }
}

fn person(arguments: &[&str]) -> Result<Value> {
    let script = repository::root().join("tests/servers/openid/person.mjs");
    let output = Command::new("node").arg(script).args(arguments).output();
    let output = output.context("node")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).context("where the browser ended")
}
