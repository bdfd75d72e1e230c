//! The policy for the program that confines a worker: the files that it may reach.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use utakata_confine::Policy;
use utakata_model::Kind;

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

    fn may_make_unix_sockets(&self, kind: &Kind) -> bool {
        self.settings.unix_sockets.contains(kind)
    }

    fn policy(&self, program: &Path, spec: &Spec) -> Policy {
        let mut policy = Policy {
            execute: vec![program.to_owned(), spec.folder.clone()],
            has_unix_sockets: self.may_make_unix_sockets(&spec.release.kind),
            is_required: self.settings.mode == Mode::Required,
            ..Policy::default()
        }
        .with_system();
        let variables = spec.variables.iter();
        let named = variables.filter(|(name, _)| PATHS.iter().any(|path| name == path));
        let named = named.flat_map(|(_, value)| std::env::split_paths(value));
        let named = named.filter(|path| path.is_absolute());
        let path = spec.variables.iter().find(|(name, _)| name == "PATH");
        let environments = path.map(|(_, path)| virtual_environments(path));
        policy
            .execute
            .extend(named.chain(environments.into_iter().flatten()));
        policy.execute.extend_from_slice(&self.settings.execute);
        policy.read.extend_from_slice(&self.settings.read);
        policy.write.extend_from_slice(&self.settings.write);
        policy
    }
}

/// Returns the folders of the Python virtual environments on this search path. Their interpreter may
/// be one of the system's, which can be executed but ends at once where it cannot read the rest.
fn virtual_environments(path: &OsStr) -> impl Iterator<Item = PathBuf> {
    let folders = std::env::split_paths(path).filter(|folder| folder.is_absolute());
    folders
        .filter_map(|folder| Some(folder.parent()?.to_owned()))
        .filter(|folder| folder.join("pyvenv.cfg").is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_environment_on_the_path_is_used_whole_and_other_folders_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let (venv, home) = (folder.path().join("venv"), folder.path().join("home"));
        for bin in [venv.join("bin"), home.join("bin")] {
            std::fs::create_dir_all(bin).unwrap();
        }
        std::fs::write(venv.join("pyvenv.cfg"), "home = /usr/bin\n").unwrap();
        let path = format!("{0}/home/bin:{0}/venv/bin:bin:", folder.path().display());
        let found: Vec<_> = virtual_environments(path.as_ref()).collect();
        assert_eq!(found, [venv]);
    }

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
