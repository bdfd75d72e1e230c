//! Files of the state folder, whose content must survive a restart.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use crate::files::is_absence;

/// A file of the folder that cannot be read: its content is unknown, and must not be taken for
/// absent.
#[derive(Debug, thiserror::Error)]
#[error("cannot access {}", path.display())]
pub struct Unreadable {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// Returns the content of a file in the folder, if it exists.
///
/// # Errors
/// It cannot be read.
pub(crate) fn read(folder: &Path, name: &str) -> Result<Option<Vec<u8>>, Unreadable> {
    let path = folder.join(name);
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(source) => Err(Unreadable { path, source }),
    }
}

/// Writes a file in the folder atomically, to survive a power failure.
pub(crate) async fn write(folder: &Path, name: &'static str, bytes: Vec<u8>) -> io::Result<()> {
    let folder: PathBuf = folder.into();
    let written = tokio::task::spawn_blocking(move || write_now(&folder, name, &bytes)).await;
    written.unwrap_or_else(|ended| Err(io::Error::other(ended)))
}

/// Writes such a file at once.
pub(crate) fn write_now(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let new = folder.join(format!("{name}.new"));
    let mut file = fs::File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(new, folder.join(name))?;
    fs::File::open(folder)?.sync_all()
}
