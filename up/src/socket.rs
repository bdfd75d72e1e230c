//! The unix socket of the data directory, where the user of the server is admin.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
};

use tokio::net::UnixListener;
use utakata_logic::http::LocalSocket;
use utakata_model::target::Secret;

use crate::{
    claim::{random_digits, write_whole},
    folder::Folder,
};

/// Listens on the socket of the data directory. Without it, commands on this machine need a token.
pub(crate) fn listen(folder: &Folder) -> Option<LocalSocket> {
    match open(folder) {
        Ok(socket) => Some(socket),
        Err(error) => {
            let path = folder.socket().display().to_string();
            tracing::warn!(%path, %error, "there is no local socket: commands need a token");
            None
        }
    }
}

fn open(folder: &Folder) -> io::Result<LocalSocket> {
    let path = folder.socket();
    // The claim on the directory is ours: nobody else listens there any more.
    let _ = fs::remove_file(&path);
    // A worker has the same user and can connect to the socket. The file it cannot read, where it is
    // confined, and one that has seen the key of an earlier start has nothing of it.
    let key = random_digits()?;
    let key_file = folder.socket_key_file();
    write_whole(&key_file, format!("{key}\n").as_bytes())?;
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    Ok(LocalSocket {
        listener,
        key: Secret::new(key),
        key_file,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_start_has_another_key_which_its_user_alone_can_read() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path());
        let keys: Vec<String> = (0..2)
            .map(|_| {
                let socket = open(&folder).unwrap();
                assert_eq!(socket.key.reveal(), folder.socket_key().unwrap());
                assert_eq!(socket.key_file, folder.socket_key_file());
                folder.socket_key().unwrap()
            })
            .collect();
        assert!(keys[0] != keys[1] && keys.iter().all(|key| key.len() == 64));
        let mode = fs::metadata(folder.socket_key_file())
            .unwrap()
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }
}
