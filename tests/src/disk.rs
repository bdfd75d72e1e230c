//! Disks that misbehave: a small file system that can be filled, and a library that makes syncs
//! fail.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::repository;

/// Builds the library of `fail_sync.c` in this folder: preloaded, it makes a sync of a store's log
/// fail as long as the file named by the variable `FAIL_SYNC` exists.
///
/// # Errors
/// There is no C compiler, or it fails.
pub fn fail_sync(folder: &Path) -> io::Result<PathBuf> {
    let library = folder.join("fail_sync.so");
    let source = repository::root().join("tests/it/system/fail_sync.c");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .status()?;
    built
        .success()
        .then_some(library)
        .ok_or_else(|| io::Error::other(format!("cc: {built}")))
}

/// A file system of a few megabytes, unmounted on drop.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts it at this folder. Only root can do that: `None` for everybody else.
    ///
    /// # Errors
    /// The folder cannot be created.
    pub fn mount(at: &Path, megabytes: u32) -> io::Result<Option<Self>> {
        fs::create_dir_all(at)?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o"])
            .arg(format!("size={megabytes}m,mode=700"))
            .arg("tmpfs")
            .arg(at)
            .stderr(Stdio::null())
            .status();
        let is_mounted = mounted.is_ok_and(|status| status.success());
        Ok(is_mounted.then(|| Self(at.to_owned())))
    }

    /// Returns the path of the disk.
    pub fn path(&self) -> &Path {
        &self.0
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Fills the disk completely.
    ///
    /// # Errors
    /// It did not become full.
    pub fn fill(&self) -> io::Result<()> {
        let mut filler = fs::File::create(self.filler())?;
        match io::copy(&mut io::repeat(0), &mut filler) {
            Err(error) if error.kind() == io::ErrorKind::StorageFull => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(io::Error::other("it has no end")),
        }
    }

    /// Makes room again.
    ///
    /// # Errors
    /// It was not full.
    pub fn clear(&self) -> io::Result<()> {
        fs::remove_file(self.filler())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
