//! The messages between the command line and the workbench, the program with the tools for
//! profiles. They are neither stored nor sent to other hosts, so both sides are of one version.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Reading;

/// A request: one line of JSON on the standard input of the workbench.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Request {
    /// Read a walk with profiles.
    Try {
        /// The files of the profiles.
        files: Vec<PathBuf>,
        /// The file of the walk.
        walk: PathBuf,
    },
    /// Draft a profile.
    Draft {
        /// The files of the MIBs.
        mibs: Vec<PathBuf>,
        /// The folders in which imported MIBs are looked for.
        folders: Vec<PathBuf>,
        /// The file of the walk.
        walk: PathBuf,
    },
    /// Compile profiles.
    Check {
        /// The files of the profiles.
        files: Vec<PathBuf>,
    },
    /// Answer SNMP as recorded in a walk, until standard input ends.
    Serve {
        /// The file of the walk.
        walk: PathBuf,
    },
}

/// An answer: one line of JSON on the standard output of the workbench.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Answer {
    /// The result of reading the walk with profiles.
    Trial(Trial),
    /// A profile to be completed.
    Draft(Draft),
    /// Every profile was compiled.
    Right,
    /// An agent answers as recorded in the walk.
    Serving {
        /// The address of the agent.
        address: String,
        /// The SNMP community to use.
        community: String,
        /// A summary of the walk.
        walk: WalkSummary,
    },
    /// Some of the given files cannot be used.
    Refused {
        /// The problems, one for each file.
        problems: Vec<Refusal>,
    },
}

/// A given file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The path of the file.
    pub file: PathBuf,
    /// The problem, in a sentence that names the file.
    pub problem: String,
    /// `true` if the file does not exist or is of another sort altogether.
    pub is_usage: bool,
}

/// The result of reading a walk with profiles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// A summary of the walk.
    pub walk: WalkSummary,
    /// The profiles, and whether they recognise the device.
    pub profiles: Vec<TriedProfile>,
    /// The readings obtained.
    pub readings: Vec<TriedReading>,
    /// The reason why nothing, or not everything, was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Remarks about things that are correct but probably not intended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
    /// The number of objects in the walk that the profiles use.
    pub used: usize,
    /// The objects that no profile uses.
    pub unused: Vec<Subtree>,
}

/// A summary of the file of a walk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalkSummary {
    /// The format of the file.
    pub format: String,
    /// The number of objects.
    pub objects: usize,
    /// The first of the lines that are not objects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<SkippedLine>,
    /// The number of lines that are not objects.
    pub skipped_count: usize,
    /// The number of lines with an OID that occurred before.
    pub repeated: usize,
}

/// A line of a walk that is not an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedLine {
    /// The number of the line, from 1.
    pub line: usize,
    /// The beginning of the line.
    pub text: String,
    /// The reason why it is not an object.
    pub problem: String,
}

/// A profile that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriedProfile {
    /// The name of the profile.
    pub name: String,
    /// `true` if the kind `snmp` would use it for this device by itself.
    pub is_recognised: bool,
    /// The reason why it is recognised or not.
    pub because: String,
}

/// A reading, and the object from which it comes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TriedReading {
    /// The reading itself.
    #[serde(flatten)]
    pub reading: Reading,
    /// The instance that has the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oid: Option<String>,
}

/// Objects of a walk that no profile uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subtree {
    /// The prefix of their OIDs.
    pub oid: String,
    /// The number of objects.
    pub objects: usize,
    /// The name of the subtree, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A profile shipped with utakata that uses part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

/// A draft of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The text of the profile (TOML).
    pub text: String,
    /// A summary of the walk.
    pub walk: WalkSummary,
    /// The number of metrics in the draft.
    pub metrics: usize,
    /// The number of guesses that a person has to check.
    pub guesses: usize,
    /// Remarks about things that are correct but probably not intended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}
