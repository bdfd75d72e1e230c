//! The request to the drill, a program next to this one.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

pub const PROGRAM: &str = "utakata-drill";
/// The message faults unless others are given.
pub const FAULTS: &str = "lose=0.02,double=0.05,delay=0.1,late=0.05,max-delay=300ms,reorder=0.1";

/// The only argument of the program, as JSON.
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
    /// The time during which processes are killed.
    pub time: Duration,
    /// The number of simulated devices.
    pub devices: u32,
    /// The seed that determines everything.
    pub seed: u64,
    /// The mean time between two kills.
    pub kill_every: Duration,
    /// The faults of messages.
    pub faults: String,
    /// The most operations in flight at a time.
    pub in_flight: usize,
    /// The most operations sent per second.
    pub rate: Option<u32>,
    /// The folder to keep afterwards.
    pub keep: Option<PathBuf>,
    /// The treatment of permits by the environments.
    pub permits: Permits,
    /// The folder with the scripts of the servers between the processes; absent: the inter connect
    /// and the store of a single machine are drilled.
    pub servers: Option<PathBuf>,
    /// The folder with the script of a container engine, to run the drilled workers in containers;
    /// absent: they are processes.
    pub docker: Option<PathBuf>,
    /// Runs the drilled workers as pods of a cluster of the drill's own.
    #[serde(default)]
    pub kubernetes: bool,
    /// Drills policies in a room with breakers, in place of control on counters.
    #[serde(default)]
    pub policies: bool,
    /// The treatment of envelopes by the ledger.
    #[serde(default)]
    pub envelopes: Envelopes,
    /// Rolls releases out one after the other meanwhile.
    pub rolls: bool,
    /// Instead of killing processes, cuts the environments off from the servers for this long.
    pub cut: Option<Duration>,
    /// Shifts the clocks of the processes by up to this much, either way.
    pub skew: Option<Duration>,
}

/// The permits of environments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permits {
    /// They are asked for, as required.
    Asked,
    /// They ignore them: to show that a drill finds the consequences.
    Ignored,
}

/// The envelopes of the ledger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Envelopes {
    /// They are asked, as required.
    #[default]
    Asked,
    /// They are not: to show that a drill finds the consequences.
    Ignored,
}
