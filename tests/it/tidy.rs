//! The rules of this repository as tests: what a reviewer would otherwise have to repeat.

mod arrows;
mod circles;
mod codes;
mod deployment;
mod documents;
mod files;
mod functions;
mod licences;
mod manifests;
mod purity;
mod source;
mod terminal;
mod words;

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use utakata_tests::repository;

/// One violation of a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Offence {
    file: PathBuf,
    /// From 1; 0 if the whole file is meant.
    line: usize,
    what: String,
}

impl Offence {
    fn new(file: &Path, line: usize, what: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            what: what.into(),
        }
    }
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file.display(), self.what),
            line => write!(f, "{}:{line}: {}", self.file.display(), self.what),
        }
    }
}

/// Fails with every offender, one per line.
fn expect_none(rule: &str, mut offences: Vec<Offence>) {
    offences.sort();
    offences.dedup();
    let lines: Vec<String> = offences.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{rule}\n{}\n", lines.join("\n"));
}

/// The packages that cargo knows of, as far as `P` says.
fn packages<P: DeserializeOwned>(argument: &str) -> Vec<P> {
    #[derive(Deserialize)]
    struct Metadata<P> {
        packages: Vec<P>,
    }
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", argument])
        .current_dir(repository::root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Metadata<P> = serde_json::from_slice(&output.stdout).unwrap();
    metadata.packages
}
