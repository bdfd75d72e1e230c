//! The files of a folder, compared by their metadata.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use utakata_model::{Cure, Problem};

use crate::files::{is_absence, unreadable as problem};

/// The largest number of files in a release.
const MAX_FILES: usize = 10_000;
/// The depth to which folders are nested.
const MAX_DEPTH: usize = 16;

/// A file of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    pub(super) name: PathBuf,
    pub(super) stamp: Stamp,
}

/// The metadata that change when a file does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Stamp {
    pub(super) path: PathBuf,
    pub(super) modified: SystemTime,
    /// The time of the last change to anything about it, in seconds and nanoseconds; no program can
    /// set it back.
    changed: (i64, i64),
    inode: u64,
    length: u64,
    /// True if the file is executable.
    pub(super) executable: bool,
}

/// The kinds of changes that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Everything was read.
    Seen,
    /// Only the content counts: other folders have links to the file, which come and go.
    Ignored,
}

impl Stamp {
    /// Reads the metadata of a file; a link is followed.
    pub(super) fn of(path: &Path, change: Change) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        Ok(Self {
            path: path.into(),
            modified: metadata.modified()?,
            changed: match change {
                Change::Seen => (metadata.ctime(), metadata.ctime_nsec()),
                Change::Ignored => (0, 0),
            },
            inode: metadata.ino(),
            length: metadata.len(),
            executable: metadata.mode() & 0o111 != 0,
        })
    }
}

/// Lists every file below a folder, sorted by name. Links to folders are not followed.
///
/// # Errors
/// It cannot be read, or is far too large.
pub(super) fn list(folder: &Path, change: Change) -> Result<Vec<File>, Problem> {
    let mut files = Vec::new();
    add((folder, change), Path::new(""), 0, &mut files)?;
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

fn add(
    (folder, change): (&Path, Change),
    below: &Path,
    depth: usize,
    files: &mut Vec<File>,
) -> Result<(), Problem> {
    let here = folder.join(below);
    let unreadable = |error: io::Error| problem(&here, &error);
    if depth > MAX_DEPTH || files.len() > MAX_FILES {
        return Err(too_large());
    }
    for entry in fs::read_dir(&here).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = below.join(entry.file_name());
        if entry.file_type().map_err(unreadable)?.is_dir() {
            add((folder, change), &name, depth + 1, files)?;
        } else if is_file(&entry.path()).map_err(unreadable)? {
            let stamp = Stamp::of(&entry.path(), change).map_err(unreadable)?;
            files.push(File { name, stamp });
        }
    }
    Ok(())
}

/// Returns true if a file exists; links are followed.
///
/// # Errors
/// It is impossible to tell, which is not the same as there being none.
pub(super) fn is_file(path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(metadata.is_file()),
        Err(error) if is_absence(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

fn too_large() -> Problem {
    let message = format!(
        "it has more than {MAX_FILES} files, or folders deeper than {MAX_DEPTH}: a release is \
         a manifest and what its worker needs, nothing else"
    );
    Problem::new("release-large", Cure::Operator, message)
}
