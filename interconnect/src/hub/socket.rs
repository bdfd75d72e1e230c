//! The socket of a hub: accessible to this user only, and removed with the hub.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use tokio::net::{UnixListener, UnixStream};

use super::Error;

/// The path of a socket; the file there is removed on drop.
#[derive(Debug)]
pub(super) struct Socket {
    path: PathBuf,
}

impl Socket {
    /// Listens at a path, unless somebody else does.
    pub(super) async fn listen(path: &Path) -> Result<(Self, UnixListener), Error> {
        match UnixStream::connect(path).await {
            Ok(_) => return Err(Error::InUse { path: path.into() }),
            // Nobody listens there.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
                ) => {}
            // Somebody may listen: a hub whose socket is removed could no longer be reached.
            Err(source) => {
                return Err(Error::Listen {
                    path: path.into(),
                    source,
                });
            }
        }
        let listener = bind(path).map_err(|source| Error::Listen {
            path: path.into(),
            source,
        })?;
        Ok((Self { path: path.into() }, listener))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Binds under a temporary name and renames: nobody can connect before access is restricted, and
/// the renaming replaces what a killed hub has left behind.
fn bind(path: &Path) -> io::Result<UnixListener> {
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&new)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600))?;
    fs::rename(&new, path)?;
    Ok(listener)
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Somebody else may have removed it already.
        let _ = fs::remove_file(&self.path);
    }
}
