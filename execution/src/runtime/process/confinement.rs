//! What a worker that is a process may reach: the policy for the program that confines it.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use utakata_confine::Policy;

use crate::{
    config::{Confinement, confinement::Mode},
    runtime::Spec,
};

/// Variables whose values are files and folders that a worker is meant to use.
const PATHS: [&str; 4] = [
    "PYTHONPATH",
    "LD_LIBRARY_PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// The program that confines workers, and the settings for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confined {
    launcher: PathBuf,
    settings: Confinement,
}

impl Confined {
    /// Confines workers by this program. `None` if the settings want none.
    pub fn new(launcher: PathBuf, settings: Confinement) -> Option<Self> {
        (settings.mode != Mode::Off).then_some(Self { launcher, settings })
    }

    /// Returns the program that is started in place of a worker's, and its arguments up to the
    /// program of the worker.
    pub(super) fn start(&self, program: &Path, spec: &Spec) -> (&Path, Vec<OsString>) {
        (&self.launcher, self.policy(program, spec).arguments())
    }

    fn policy(&self, program: &Path, spec: &Spec) -> Policy {
        let mut policy = Policy {
            execute: vec![program.to_owned(), spec.folder.clone()],
            is_required: self.settings.mode == Mode::Required,
            ..Policy::default()
        }
        .with_system();
        let variables = spec.variables.iter();
        let named = variables.filter(|(name, _)| PATHS.iter().any(|path| name == path));
        let named = named.flat_map(|(_, value)| std::env::split_paths(value));
        policy
            .execute
            .extend(named.filter(|path| path.is_absolute()));
        policy.execute.extend_from_slice(&self.settings.execute);
        policy.read.extend_from_slice(&self.settings.read);
        policy.write.extend_from_slice(&self.settings.write);
        policy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn off_is_none_and_the_settings_add_to_what_a_worker_needs() {
        let settings = |mode| Confinement {
            mode,
            read: vec!["/srv/mibs".into()],
            ..Confinement::default()
        };
        assert_eq!(Confined::new("/c".into(), settings(Mode::Off)), None);
        assert!(Confined::new("/c".into(), settings(Mode::Auto)).is_some());
    }
}
