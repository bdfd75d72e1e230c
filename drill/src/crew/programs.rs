//! The programs whose processes are drilled.

use std::path::PathBuf;

use anyhow::{Context, Result};
use utakata_up::programs;

use crate::member::Start;

/// The programs whose processes are drilled.
pub(super) struct Programs {
    /// The program that users run.
    utakata: PathBuf,
    /// This program, which has the same roles with faults in them.
    faulty: PathBuf,
}

impl Programs {
    pub(super) fn find() -> Result<Self> {
        let missing = "the program utakata must be next to utakata-drill, or in ../../bin";
        Ok(Self {
            utakata: programs::find("utakata").context(missing)?,
            faulty: std::env::current_exe().context("our own program cannot be found")?,
        })
    }

    /// Starts a role: from the program that users run, unless it has faults.
    pub(super) fn start(&self, role: &[&str], faults: &[String]) -> Start {
        let role = role.iter().map(|word| (*word).to_owned());
        let program = match faults {
            [] => &self.utakata,
            _ => &self.faulty,
        };
        Start {
            program: program.clone(),
            arguments: role.chain(faults.iter().cloned()).collect(),
        }
    }
}
