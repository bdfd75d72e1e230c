//! The program that confines the workers which are processes, and what this machine can keep away.

use std::process::Command;

use anyhow::{Result, bail};
use utakata_confine::PROGRAM;
use utakata_execution::{
    Config,
    config::confinement::Mode,
    runtime::process::{Confined, Process},
};

use crate::programs;

/// Returns the runtime of workers that are processes, confined as the settings say.
///
/// # Errors
/// Confinement is required, and this machine has none.
pub fn processes(config: &Config) -> Result<Process> {
    let settings = &config.confinement;
    match (settings.mode, possible()) {
        (Mode::Required, Err(reason)) => bail!(
            "execution.confinement.mode is required, and workers cannot be confined here: {reason}"
        ),
        (Mode::Auto, Err(reason)) => {
            tracing::warn!("workers are not confined to their files: {reason}");
        }
        (Mode::Off, _) | (_, Ok(())) => {}
    }
    let launcher = programs::find(PROGRAM);
    let confined = launcher.and_then(|launcher| Confined::new(launcher, settings.clone()));
    Ok(Process::confined(confined))
}

/// Looks whether workers can be confined on this machine.
///
/// # Errors
/// The reason why not.
pub fn possible() -> Result<(), String> {
    let Some(launcher) = programs::find(PROGRAM) else {
        return Err(format!(
            "there is no program {PROGRAM} beside utakata: `cargo build` builds both"
        ));
    };
    let checked = Command::new(&launcher).arg("--check").output();
    let output =
        checked.map_err(|error| format!("cannot start {}: {error}", launcher.display()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
