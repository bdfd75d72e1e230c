//! The folders that have a manifest, as distinct from those that cannot be read.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use utakata_model::{Problem, content::MANIFEST_FILE, environment::RefusedRelease};

use super::files::is_file;
use crate::files::unreadable;

/// The folders that were found, and those that could not be read.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// The folders that contain a manifest.
    pub(super) folders: Vec<PathBuf>,
    /// Folders that may or may not have a manifest.
    hidden: Vec<(PathBuf, Problem)>,
    /// Folders whose content could not be listed.
    closed: Vec<(PathBuf, Problem)>,
}

impl Listed {
    /// Lists each of these folders, and each folder in them.
    pub(super) fn within(roots: &[PathBuf]) -> Self {
        let mut listed = Self::default();
        for root in roots {
            let mut all = vec![root.clone()];
            if let Err(error) = add_children(root, &mut all) {
                let problem = unreadable(root, &error);
                listed.closed.push((root.clone(), problem));
            }
            all.into_iter().for_each(|folder| listed.add(folder));
        }
        listed.folders.sort();
        listed.folders.dedup();
        listed
    }

    pub(super) fn these(folders: &[PathBuf]) -> Self {
        let mut listed = Self::default();
        folders.iter().for_each(|folder| listed.add(folder.clone()));
        listed
    }

    fn add(&mut self, folder: PathBuf) {
        match is_file(&folder.join(MANIFEST_FILE)) {
            Ok(true) => self.folders.push(folder),
            Ok(false) => {}
            Err(error) => {
                let problem = unreadable(&folder, &error);
                self.hidden.push((folder, problem));
            }
        }
    }

    /// Returns true if a folder that was not found may exist nevertheless.
    pub(super) fn hides(&self, folder: &Path) -> bool {
        let is_hidden = self.hidden.iter().any(|(hidden, _)| hidden == folder);
        is_hidden
            || self
                .closed
                .iter()
                .any(|(closed, _)| folder.parent() == Some(closed))
    }

    /// Returns the folders that could not be read, with the reasons.
    pub(super) fn refused(self) -> impl Iterator<Item = RefusedRelease> {
        let all = self.closed.into_iter().chain(self.hidden);
        all.map(|(folder, problem)| RefusedRelease {
            path: folder.display().to_string(),
            problem,
        })
    }
}

/// Adds the content of a folder; one that does not exist is empty.
fn add_children(folder: &Path, to: &mut Vec<PathBuf>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        to.push(entry?.path());
    }
    Ok(())
}
