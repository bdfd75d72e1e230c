//! What can be set of the containers of an environment.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utakata_model::manifest::limits::{Cpus, Memory};

/// Containers, for releases that are images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Docker {
    /// The socket of the Docker engine. Default `/var/run/docker.sock`.
    pub socket: PathBuf,
    /// The most memory of a worker whose manifest does not say. Default `256MiB`.
    pub memory: Memory,
    /// The most processors of a worker whose manifest does not say. Default 1.
    pub cpus: Cpus,
    /// The most processes and threads of a worker whose manifest does not say. Default 64.
    pub pids: u32,
}

impl Default for Docker {
    fn default() -> Self {
        Self {
            socket: "/var/run/docker.sock".into(),
            memory: Memory::mebibytes(256),
            cpus: Cpus::ONE,
            pids: 64,
        }
    }
}
