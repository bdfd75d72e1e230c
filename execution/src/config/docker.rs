//! The settings for the containers of an environment.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utakata_model::manifest::limits::{Cpus, Memory, Network};
use utakata_settings::Settings;

/// Containers, for releases that are images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Docker {
    /// Socket of the Docker engine, for releases that are images.
    pub socket: PathBuf,
    /// Networks that a manifest may want for its containers (run.network): none, bridge, host. With
    /// host a container has the network of this machine.
    pub networks: Vec<Network>,
    /// Largest memory of a container whose manifest does not set it (run.memory).
    pub memory: Memory,
    /// Number of processors of a container whose manifest does not set it (run.cpus).
    pub cpus: Cpus,
    /// Largest number of processes and threads of a container whose manifest does not set it
    /// (run.pids).
    pub pids: u32,
}

impl Default for Docker {
    fn default() -> Self {
        Self {
            socket: "/var/run/docker.sock".into(),
            networks: vec![Network::None, Network::Bridge],
            memory: Memory::mebibytes(256),
            cpus: Cpus::ONE,
            pids: 64,
        }
    }
}
