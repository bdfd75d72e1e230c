//! The files that a SQLite store is, as the system knows them: whether what is written to an
//! open file is still what somebody finds under its name.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// The file of a store, and the log beside it.
#[derive(Debug)]
pub(super) struct Files {
    path: PathBuf,
    log: PathBuf,
    /// The file that was opened first: no other one is this store.
    first: FileStamp,
    /// Of the connection that writes now; absent until it has written.
    open: Option<[FileStamp; 2]>,
}

/// A file as the system knows it. Never opened for this: SQLite's locks belong to the process,
/// and any close of the file by anybody in it gives them up.
#[derive(Debug, Clone, Copy)]
struct FileStamp {
    device: u64,
    inode: u64,
    size: u64,
}

impl Files {
    /// Those of a store that was just opened.
    pub fn of(path: &Path) -> io::Result<Self> {
        // Where the name is a link, SQLite has its log beside the file itself.
        let mut log = fs::canonicalize(path)?.into_os_string();
        log.push("-wal");
        Ok(Self {
            path: path.to_owned(),
            log: log.into(),
            first: FileStamp::at(path)?,
            open: None,
        })
    }

    /// Another connection writes from now on.
    pub fn opened_anew(&mut self) {
        self.open = None;
    }

    /// Checks that the file of the store is under its name.
    ///
    /// # Errors
    /// Another one is there; it is said in words.
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

    /// Checks that the files are those that the connection has written, and nobody has cut them off:
    /// to be asked before it writes any more to them, too, since SQLite fills up what was cut.
    ///
    /// # Errors
    /// Another one is there; it is said in words.
    pub fn are_as_left(&self) -> Result<(), String> {
        match &self.open {
            Some(left) => self.follow(left).map(drop),
            None => Ok(()),
        }
    }

    /// Checks that what was just committed is in files that are found under their names, and that
    /// nobody has cut off.
    ///
    /// # Errors
    /// Another one is there; it is said in words.
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
