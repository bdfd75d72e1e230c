//! The path of the socket: short enough for the system, in a folder that is ours alone.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::Error;

/// `sockaddr_un` has 108 bytes for the path and its final zero (unix(7)).
const PATH_MOST: usize = 107;
/// The file name and its slash: longest when it is followed by a number.
const NAME: &str = "workers.sock";

/// A socket's path; the socket, and a folder made just for it, go when it is dropped.
#[derive(Debug)]
pub(super) struct Socket {
    path: PathBuf,
    /// A folder that was made for this socket alone.
    own: Option<PathBuf>,
}

impl Socket {
    /// Makes the folder and takes away what an earlier life has left there.
    pub(super) fn build(wanted: Option<&Path>) -> Result<Self, Error> {
        let socket = match wanted.filter(|folder| fits(folder)) {
            Some(folder) => Self {
                path: folder.join(NAME),
                own: None,
            },
            None => {
                let folder = short();
                Self {
                    path: folder.join(NAME),
                    own: Some(folder),
                }
            }
        };
        let folder = socket.path.parent().unwrap_or(Path::new("."));
        make_private(folder).map_err(|source| Error::Folder {
            folder: folder.into(),
            source,
        })?;
        match fs::remove_file(&socket.path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::Listen {
                path: socket.path.clone(),
                source,
            }),
            _ => Ok(socket),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Somebody else may have taken them away already.
        let _ = fs::remove_file(&self.path);
        if let Some(folder) = &self.own {
            let _ = fs::remove_dir(folder);
        }
    }
}

fn fits(folder: &Path) -> bool {
    folder.join(NAME).as_os_str().len() <= PATH_MOST
}

/// A folder that is not there yet, with a short name.
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

/// Makes a folder that only we can enter, or takes one that is so already: whoever can enter
/// could connect, though without a token get no further.
fn make_private(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let metadata = fs::metadata(folder)?;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "it belongs to another user",
        ));
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
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
        let folder = far.path().parent().unwrap().to_owned();
        assert_eq!(
            fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
            0o700
        );
        fs::write(far.path(), "").unwrap();
        drop(far);
        assert!(!folder.exists());
    }
}
