//! The folders that have a manifest, told apart from those of which nobody can say.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use utakata_model::{Problem, content::MANIFEST_FILE, environment::RefusedRelease};

use super::files::is_file;
use crate::files::unreadable;

/// The folders that were found, and those that could not be looked at.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// The folders that contain a manifest.
    pub(super) folders: Vec<PathBuf>,
    /// Folders of which nobody can say whether they have a manifest.
    hidden: Vec<(PathBuf, Problem)>,
    /// Folders of which nobody can say what is in them.
    closed: Vec<(PathBuf, Problem)>,
}

impl Listed {
    /// Each of these folders, and each folder in them.
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

    /// Scans these folders.
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

    /// Returns whether a folder that was not found may be there nevertheless.
    pub(super) fn hides(&self, folder: &Path) -> bool {
        let is_hidden = self.hidden.iter().any(|(hidden, _)| hidden == folder);
        is_hidden
            || self
                .closed
                .iter()
                .any(|(closed, _)| folder.parent() == Some(closed))
    }

    /// Returns what could not be looked at, and why.
    pub(super) fn refused(self) -> impl Iterator<Item = RefusedRelease> {
        let all = self.closed.into_iter().chain(self.hidden);
        all.map(|(folder, problem)| RefusedRelease {
            path: folder.display().to_string(),
            problem,
        })
    }
}

/// Adds what is in a folder; a folder that is not there has nothing in it.
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
