//! The settings for confining workers that are processes.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utakata_model::{Kind, setting};
use utakata_settings::Settings;

/// Confinement of the workers that are processes: beyond their release, the programs and libraries
/// of the system, and the network, they reach only these. Folders stand for everything in them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Confinement {
    /// auto: as far as the kernel can. required: a worker that the kernel cannot confine is not
    /// started. off: workers reach whatever this process reaches.
    pub mode: Mode,
    /// Further files and folders that workers may read and execute, such as an interpreter.
    #[setting(form = "list of files")]
    pub execute: Vec<PathBuf>,
    /// Further files and folders that workers may read.
    #[setting(form = "list of files")]
    pub read: Vec<PathBuf>,
    /// Files and folders that workers may write; they cannot execute anything in there.
    #[setting(form = "list of files")]
    pub write: Vec<PathBuf>,
    /// Kinds whose workers may connect to unix sockets, such as libvirt for qemu+unix. They reach
    /// those of every program of this user: of Docker, of a bus.
    #[setting(form = "list of kinds")]
    pub unix_sockets: Vec<Kind>,
}

/// The strictness of the confinement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// As far as the kernel can.
    #[default]
    Auto,
    /// Without it, no worker is started.
    Required,
    /// None.
    Off,
}

setting!(Mode: "auto, required or off");
