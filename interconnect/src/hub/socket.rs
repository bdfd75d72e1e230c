//! The socket of a hub: ours alone, and taken away with the hub.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use tokio::net::{UnixListener, UnixStream};

use super::Error;

/// The path of a socket; what lies there goes when this is dropped.
#[derive(Debug)]
pub(super) struct Socket {
    path: PathBuf,
}

impl Socket {
    /// Listens there, unless somebody else does.
    pub(super) async fn listen(path: &Path) -> Result<(Self, UnixListener), Error> {
        match UnixStream::connect(path).await {
            Ok(_) => return Err(Error::InUse { path: path.into() }),
            // Nobody listens there.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
                ) => {}
            // Somebody may: a socket that is taken away would be lost to its hub.
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

/// Nobody can connect under the other name before it is closed to others; the renaming also
/// replaces what a hub that was killed has left.
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
        // Somebody else may have taken it away already.
        let _ = fs::remove_file(&self.path);
    }
}
