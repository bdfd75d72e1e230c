//! What the command line asks of the workbench, the program with the tools for profiles, and
//! what it answers. Not stored, not sent to other hosts: both are of one version.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Reading;

/// One line of JSON on the standard input of the workbench.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Request {
    /// Read a walk with profiles.
    Try {
        /// The profiles.
        files: Vec<PathBuf>,
        /// The walk.
        walk: PathBuf,
    },
    /// Draft a profile.
    Draft {
        /// Files of MIBs.
        mibs: Vec<PathBuf>,
        /// Folders in which MIBs that these import are looked for.
        folders: Vec<PathBuf>,
        /// The walk.
        walk: PathBuf,
    },
    /// Compile profiles.
    Check {
        /// The profiles.
        files: Vec<PathBuf>,
    },
    /// Answer SNMP as a walk says, until the standard input ends.
    Serve {
        /// The walk.
        walk: PathBuf,
    },
}

/// One line of JSON on the standard output of the workbench.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Answer {
    /// The result of reading the walk with profiles.
    Trial(Trial),
    /// A profile, to be completed.
    Draft(Draft),
    /// Compiled, each of them.
    Right,
    /// An agent that answers as the walk says.
    Serving {
        /// The address.
        address: String,
        /// Its community.
        community: String,
        /// A summary of the walk.
        walk: WalkSummary,
    },
    /// Something that was given cannot be used.
    Refused {
        /// The problems, each in a sentence.
        problems: Vec<Refusal>,
    },
}

/// Something that was given and cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The file.
    pub file: PathBuf,
    /// A sentence that names the file.
    pub problem: String,
    /// `true` if it is not there, or not of that sort, at all.
    pub is_usage: bool,
}

/// The result of reading a walk with profiles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The walk.
    pub walk: WalkSummary,
    /// The profiles, and whether they recognise the device.
    pub profiles: Vec<TriedProfile>,
    /// The readings.
    pub readings: Vec<TriedReading>,
    /// The reason nothing, or not all, was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Notices of what is true and probably was not meant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
    /// Objects of the walk that the profiles look at.
    pub used: usize,
    /// The others.
    pub unused: Vec<Subtree>,
}

/// A summary of the file of a walk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalkSummary {
    /// The format.
    pub format: String,
    /// The number of objects it has.
    pub objects: usize,
    /// Lines that are no object, the first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<SkippedLine>,
    /// The number of lines that are no object.
    pub skipped_count: usize,
    /// Lines with an OID that came before.
    pub repeated: usize,
}

/// A line of a walk that is no object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedLine {
    /// Its number, from 1.
    pub line: usize,
    /// The beginning of its text.
    pub text: String,
    /// The reason it is none.
    pub problem: String,
}

/// A profile that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriedProfile {
    /// Its name.
    pub name: String,
    /// `true` if the kind `snmp` would read this device with it by itself.
    pub is_recognised: bool,
    /// By what, or why not.
    pub because: String,
}

/// A reading, and the object that it comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TriedReading {
    /// The readings.
    #[serde(flatten)]
    pub reading: Reading,
    /// The instance with its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oid: Option<String>,
}

/// Objects of a walk that no profile looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subtree {
    /// The prefix of their OIDs.
    pub oid: String,
    /// The number.
    pub objects: usize,
    /// The name, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The profile that comes with utakata and looks at some of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

/// A draft of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The profile (TOML).
    pub text: String,
    /// A summary of the walk.
    pub walk: WalkSummary,
    /// The number of metrics it has.
    pub metrics: usize,
    /// The number of guesses a person has to look at.
    pub guesses: usize,
    /// Notices of what is true and probably was not meant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}
