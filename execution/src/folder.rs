//! Files of the state folder: what must hold after a restart, too.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

/// What a file of the folder holds; none: it is not there, or cannot be read, which is told.
pub(crate) fn read(folder: &Path, name: &str) -> Option<Vec<u8>> {
    match fs::read(folder.join(name)) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!(file = name, %error, "what is kept from before cannot be read");
            None
        }
    }
}

/// Writes a file of the folder: all or nothing, also when the power fails.
pub(crate) async fn write(folder: &Path, name: &'static str, bytes: Vec<u8>) -> io::Result<()> {
    let folder: PathBuf = folder.into();
    let written = tokio::task::spawn_blocking(move || write_now(&folder, name, &bytes)).await;
    written.unwrap_or_else(|ended| Err(io::Error::other(ended)))
}

fn write_now(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let new = folder.join(format!("{name}.new"));
    let mut file = fs::File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(new, folder.join(name))?;
    fs::File::open(folder)?.sync_all()
}
