//! The files of a SQLite store, as the system knows them: checks that the open file is still the
//! one found under its name.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// The file of a store, and the log next to it.
#[derive(Debug)]
pub(super) struct Files {
    path: PathBuf,
    log: PathBuf,
    /// The file opened first: no other one is this store.
    first: FileStamp,
    /// The files of the current writing connection; absent until it has written.
    open: Option<[FileStamp; 2]>,
}

/// A file as the system knows it. Never opened for this: SQLite's locks belong to the process, and
/// closing the file anywhere in it releases them.
#[derive(Debug, Clone, Copy)]
struct FileStamp {
    device: u64,
    inode: u64,
    size: u64,
}

impl Files {
    /// The files of a store that was just opened.
    pub fn of(path: &Path) -> io::Result<Self> {
        // If the name is a link, SQLite has its log next to the file itself.
        let mut log = fs::canonicalize(path)?.into_os_string();
        log.push("-wal");
        Ok(Self {
            path: path.to_owned(),
            log: log.into(),
            first: FileStamp::at(path)?,
            open: None,
        })
    }

    /// Records that another connection writes from now on.
    pub fn opened_anew(&mut self) {
        self.open = None;
    }

    /// Checks that the file of the store is under its name.
    ///
    /// # Errors
    /// Another one is there; described in words.
    pub fn is_there(&self) -> Result<(), String> {
        FileStamp::at(&self.path)
            .map_err(|error| missing(&self.path, &error))?
            .follows(
                &FileStamp {
                    size: 0,
                    ..self.first
                },
                &self.path,
            )
    }

    /// Checks that the files are those that the connection has written, and have not been
    /// truncated: also before it writes to them again, since SQLite fills up a truncated part.
    ///
    /// # Errors
    /// Another one is there; described in words.
    pub fn are_as_left(&self) -> Result<(), String> {
        match &self.open {
            Some(left) => self.follow(left).map(drop),
            None => Ok(()),
        }
    }

    /// Checks that what was just committed is in files that are found under their names, and that
    /// have not been truncated.
    ///
    /// # Errors
    /// Another one is there; described in words.
    pub fn have_it(&mut self) -> Result<(), String> {
        self.is_there()?;
        let now = match &self.open {
            Some(left) => self.follow(left)?,
            None => self.now()?,
        };
        self.open = Some(now);
        Ok(())
    }

    fn now(&self) -> Result<[FileStamp; 2], String> {
        let at = |path: &PathBuf| FileStamp::at(path).map_err(|error| missing(path, &error));
        Ok([at(&self.path)?, at(&self.log)?])
    }

    fn follow(&self, left: &[FileStamp; 2]) -> Result<[FileStamp; 2], String> {
        let now = self.now()?;
        now[0].follows(&left[0], &self.path)?;
        now[1].follows(&left[1], &self.log)?;
        Ok(now)
    }
}

impl FileStamp {
    fn at(path: &Path) -> io::Result<Self> {
        let found = fs::metadata(path)?;
        Ok(Self {
            device: found.dev(),
            inode: found.ino(),
            size: found.len(),
        })
    }

    /// Checks that it is the same file as before, and has not become smaller.
    fn follows(&self, before: &Self, path: &Path) -> Result<(), String> {
        if (self.device, self.inode) != (before.device, before.inode) {
            return Err(format!("{} is another file now", path.display()));
        }
        if self.size < before.size {
            return Err(format!("{} was cut off", path.display()));
        }
        Ok(())
    }
}

fn missing(path: &Path, error: &io::Error) -> String {
    format!("{} cannot be found any more: {error}", path.display())
}
