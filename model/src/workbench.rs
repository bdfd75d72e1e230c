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
    /// What the profiles read of the walk.
    Trial(Trial),
    /// A profile, to be completed.
    Draft(Draft),
    /// Compiled, each of them.
    Right,
    /// What answers as the walk says.
    Serving {
        /// Where.
        address: String,
        /// Its community.
        community: String,
        /// What was made of the walk.
        walk: WalkSummary,
    },
    /// Something that was given cannot be used.
    Refused {
        /// What, each in a sentence.
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
    /// Whether it is not there, or not of that sort, at all.
    pub is_usage: bool,
}

/// What profiles read of a walk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The walk.
    pub walk: WalkSummary,
    /// The profiles, and whether they recognise the device.
    pub profiles: Vec<TriedProfile>,
    /// What was read.
    pub readings: Vec<TriedReading>,
    /// Why nothing, or not all, was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// What is said and is true, and probably was not meant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
    /// Objects of the walk that the profiles look at.
    pub used: usize,
    /// The others.
    pub unused: Vec<Subtree>,
}

/// What was made of the file of a walk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalkSummary {
    /// What it is written in.
    pub format: String,
    /// How many objects it has.
    pub objects: usize,
    /// Lines that are no object, the first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<SkippedLine>,
    /// How many lines are no object.
    pub skipped_count: usize,
    /// Lines with an OID that came before.
    pub repeated: usize,
}

/// A line of a walk that is no object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedLine {
    /// Its number, from 1.
    pub line: usize,
    /// How it begins.
    pub text: String,
    /// Why it is none.
    pub problem: String,
}

/// A profile that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriedProfile {
    /// Its name.
    pub name: String,
    /// Whether the kind `snmp` would read this device with it by itself.
    pub is_recognised: bool,
    /// By what, or why not.
    pub because: String,
}

/// A reading, and the object that it comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TriedReading {
    /// What was read.
    #[serde(flatten)]
    pub reading: Reading,
    /// The instance with its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oid: Option<String>,
}

/// Objects of a walk that no profile looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subtree {
    /// What their OIDs begin with.
    pub oid: String,
    /// How many there are.
    pub objects: usize,
    /// What is known of it.
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
    /// What was made of the walk.
    pub walk: WalkSummary,
    /// How many metrics it has.
    pub metrics: usize,
    /// How many guesses a person has to look at.
    pub guesses: usize,
    /// What is said and is true, and probably was not meant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}
