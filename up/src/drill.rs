//! The request to the drill, a program beside this one.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

pub const PROGRAM: &str = "utakata-drill";
/// Faults of messages, unless others are asked for.
pub const FAULTS: &str = "lose=0.02,double=0.05,delay=0.1,late=0.05,max-delay=300ms,reorder=0.1";

/// The one argument of the program, as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub settings: Settings,
    pub format: Format,
    pub colours: bool,
}

/// The format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Text for people.
    Text,
    /// JSON for programs.
    Json,
    /// YAML for programs and people.
    Yaml,
}

/// The settings of a drill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The time for which things are killed.
    pub time: Duration,
    /// The number of simulated devices.
    pub devices: u32,
    /// The seed that everything follows from.
    pub seed: u64,
    /// The mean time between two kills.
    pub kill_every: Duration,
    /// The faults of messages.
    pub faults: String,
    /// The most operations under way at a time.
    pub in_flight: usize,
    /// The most operations that are sent in a second.
    pub rate: Option<u32>,
    /// The folder to keep afterwards.
    pub keep: Option<PathBuf>,
    /// The permits of environments.
    pub permits: Permits,
    /// The folder with the scripts of the servers between the processes; absent: the inter
    /// connect and the store of one machine.
    pub servers: Option<PathBuf>,
    /// The folder with the script of an engine in which the drilled workers are containers;
    /// absent: they are processes.
    pub docker: Option<PathBuf>,
    /// The drilled workers are pods of a cluster of the drill's own.
    #[serde(default)]
    pub kubernetes: bool,
    /// Releases are rolled one after the other meanwhile.
    pub rolls: bool,
    /// In place of killing, the environments are cut off from the servers for so long.
    pub cut: Option<Duration>,
    /// The clocks of the processes differ by so much from that of this machine, either way.
    pub skew: Option<Duration>,
}

/// The permits of environments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permits {
    /// They are asked for, as required.
    Asked,
    /// They do not: to show that a drill finds what that does.
    Ignored,
}
