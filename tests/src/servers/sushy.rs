//! OpenStack's sushy-tools: BMCs that are emulated, and trees that are served.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;

use anyhow::{Context, Result};
use serde_json::Value;
use tempfile::TempDir;

use super::{Server, Transport};

/// A running server of Redfish; see `tests/servers/sushy.sh`.
#[derive(Debug)]
pub struct Sushy {
    server: Server,
    _tree: Option<TempDir>,
}

impl Sushy {
    pub const USER: &'static str = "admin";
    pub const PASSWORD: &'static str = "secret";

    /// Emulates so many machines.
    ///
    /// # Errors
    /// sushy-tools is not installed or does not start.
    pub fn emulator(systems: u32) -> Result<Self> {
        let arguments = ["emulator".to_owned(), systems.to_string()];
        let server = Server::start("sushy.sh", Transport::Tcp, &arguments)?;
        Ok(Self {
            server,
            _tree: None,
        })
    }

    /// Serves resources: an object of paths and documents.
    ///
    /// # Errors
    /// sushy-tools is not installed or does not start.
    pub fn tree(resources: &Value) -> Result<Self> {
        let folder = TempDir::with_prefix("utakata-tree-")?;
        let resources = resources.as_object().context("a tree is an object")?;
        for (path, document) in resources {
            let below = path.trim_start_matches("/redfish/v1").trim_matches('/');
            let place = folder.path().join(below);
            fs::create_dir_all(&place)?;
            fs::write(place.join("index.json"), document.to_string())?;
        }
        let arguments: [OsString; 2] = ["tree".into(), folder.path().into()];
        let server = Server::start("sushy.sh", Transport::Tcp, &arguments)?;
        let tree = Some(folder);
        Ok(Self {
            server,
            _tree: tree,
        })
    }

    /// The identifier of an emulated machine, counted from 1.
    #[must_use]
    pub fn system(number: u32) -> String {
        format!("10000000-0000-4000-8000-{number:012}")
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
}
