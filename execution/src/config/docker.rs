//! The settings for the containers of an environment.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utakata_model::manifest::limits::{Cpus, Memory};
use utakata_settings::Settings;

/// Containers, for releases that are images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Docker {
    /// The socket of the Docker engine, for releases that are images.
    pub socket: PathBuf,
    /// The most memory of a container whose manifest does not say (run.memory).
    pub memory: Memory,
    /// The most processors of a container whose manifest does not say (run.cpus).
    pub cpus: Cpus,
    /// The most processes and threads of a container whose manifest does not say (run.pids).
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
