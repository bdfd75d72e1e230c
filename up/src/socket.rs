//! The unix socket of the data directory, where the user of the server is admin.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
};

use tokio::net::UnixListener;

use crate::folder::Folder;

/// Listens on the socket of the data directory. Without it, commands on this machine need a token.
pub(crate) fn listen(folder: &Folder) -> Option<UnixListener> {
    let path = folder.socket();
    // The claim on the directory is ours: nobody else listens there any more.
    let _ = fs::remove_file(&path);
    let listening = UnixListener::bind(&path).and_then(|listener| {
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(listener)
    });
    match listening {
        Ok(listener) => Some(listener),
        Err(error) => {
            let path = path.display();
            tracing::warn!(%path, %error, "there is no local socket: commands need a token");
            None
        }
    }
}
