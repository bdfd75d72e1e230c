//! The path of the socket: short enough for the operating system, in a private folder.
//!
//! ```text
//! run/                       only we get through
//! run/door/                  what a container sees: its own user gets through
//! run/door/workers.sock      anybody who gets this far may connect
//! ```

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::Error;

/// The length of the longest path: `sockaddr_un` has 108 bytes for it and its final zero (unix(7)).
const MAX_PATH: usize = 107;
/// The folder of the socket, which containers see without the one above it.
const FOLDER: &str = "door";
const NAME: &str = "workers.sock";

/// The socket's path; the socket, and a folder made only for it, are removed when this is dropped.
#[derive(Debug)]
pub(super) struct Socket {
    path: PathBuf,
    /// The folder around it.
    door: PathBuf,
    /// The folder that was made only for this socket.
    own: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SocketPlace {
    pub(super) path: PathBuf,
    door: PathBuf,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    own: Option<PathBuf>,
}

impl Socket {
    /// Makes the folder, and removes what an earlier life has left there.
    pub(super) fn build(wanted: Option<&Path>) -> Result<Self, Error> {
        // Containers need the absolute path.
        let wanted = wanted.map(std::path::absolute).transpose();
        let wanted = wanted.ok().flatten().filter(|folder| fits(folder));
        let is_own = wanted.is_none();
        let folder = wanted.unwrap_or_else(short);
        let door = folder.join(FOLDER);
        let unmade = |source| Error::Folder {
            folder: folder.clone(),
            source,
        };
        make(&folder, PRIVATE).map_err(unmade)?;
        make(&door, OPEN).map_err(unmade)?;
        let socket = Self {
            path: door.join(NAME),
            door,
            own: is_own.then_some(folder),
        };
        match fs::remove_file(&socket.path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::Listen {
                path: socket.path.clone(),
                source,
            }),
            _ => Ok(socket),
        }
    }

    /// Takes over the socket that this process had before it was replaced.
    pub(super) fn take_over(left: &SocketPlace) -> Self {
        Self {
            path: left.path.clone(),
            door: left.door.clone(),
            own: left.own.clone(),
        }
    }

    /// Returns the place of the socket, for a successor.
    pub(super) fn place(&self) -> SocketPlace {
        SocketPlace {
            path: self.path.clone(),
            door: self.door.clone(),
            own: self.own.clone(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Lets everybody who reaches the socket connect: without a token nobody gets further.
    pub(super) fn open(&self) -> io::Result<()> {
        fs::set_permissions(&self.path, fs::Permissions::from_mode(0o666))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Somebody else may have removed them already.
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_dir(&self.door);
        if let Some(folder) = &self.own {
            let _ = fs::remove_dir(folder);
        }
    }
}

fn fits(folder: &Path) -> bool {
    folder.join(FOLDER).join(NAME).as_os_str().len() <= MAX_PATH
}

/// Returns a folder that does not exist yet, with a short name.
fn short() -> PathBuf {
    let name = format!("utakata-{}", uuid::Uuid::now_v7().simple());
    let places = [
        std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from),
        Some(std::env::temp_dir()),
    ];
    let found = places
        .into_iter()
        .flatten()
        .filter(|place| place.is_dir())
        .map(|place| place.join(&name))
        .find(|folder| fits(folder));
    found.unwrap_or_else(|| Path::new("/tmp").join(name))
}

/// The mode that lets only us through.
const PRIVATE: u32 = 0o700;
/// The mode that lets others through as well: those who see the folder without the private one
/// above it, in a container.
const OPEN: u32 = 0o755;

/// Makes a folder with this mode, or takes one that is ours already.
fn make(folder: &Path, mode: u32) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(folder)?;
    let metadata = fs::metadata(folder)?;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "it belongs to another user",
        ));
    }
    if metadata.permissions().mode() & 0o777 != mode {
        fs::set_permissions(folder, fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_too_long_is_replaced_by_a_short_private_one() {
        let temporary = tempfile::tempdir().unwrap();
        let near = Socket::build(Some(&temporary.path().join("run"))).unwrap();
        assert!(near.path().starts_with(temporary.path()));
        let long = temporary.path().join("x".repeat(200));
        let far = Socket::build(Some(&long)).unwrap();
        assert!(!long.exists());
        let door = far.path().parent().unwrap().to_owned();
        let folder = door.parent().unwrap().to_owned();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&door)), (0o700, 0o755));
        fs::write(far.path(), "").unwrap();
        drop(far);
        assert!(!folder.exists());
    }
}
