//! The program that confines the workers which are processes, and what this machine can keep away.

use std::{path::Path, process::Command};

use anyhow::{Result, bail};
use utakata_confine::PROGRAM;
use utakata_execution::{
    Config,
    config::{Confinement, confinement::Mode},
    runtime::process::{Confined, Process},
};

use crate::programs;

/// Returns the runtime of workers that are processes, confined as the settings say. The data
/// directory is no place for them.
///
/// # Errors
/// Confinement is required, and this machine has none.
pub fn processes(config: &Config, data: &Path) -> Result<Process> {
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
    if let Some(open) = opened(settings, data) {
        let path = open.display();
        tracing::warn!(
            %path,
            "workers can read the data directory, and so be admin: execution.confinement names a \
             folder that it is in"
        );
    }
    let launcher = programs::find(PROGRAM);
    let confined = launcher.and_then(|launcher| Confined::new(launcher, settings.clone()));
    Ok(Process::confined(confined))
}

/// Returns the path by which the settings let workers into this folder, if they do.
fn opened<'a>(settings: &'a Confinement, folder: &Path) -> Option<&'a Path> {
    let named = [&settings.execute, &settings.read, &settings.write];
    let mut named = named.into_iter().flatten();
    named
        .find(|path| folder.starts_with(path))
        .map(|path| &**path)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_opens_the_data_directory_is_found() {
        let settings = Confinement {
            execute: vec!["/opt/python".into()],
            read: vec!["/srv".into()],
            ..Confinement::default()
        };
        let opened = |folder: &str| opened(&settings, Path::new(folder));
        assert_eq!(opened("/var/lib/utakata/environment"), None);
        assert_eq!(opened("/srv/utakata/environment"), Some(Path::new("/srv")));
    }
}
