//! A copy of a SQLite store that somebody may be writing.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use super::error;
use crate::store::{Error, Place};

/// Copies a store as it is at one moment into a file that is not there yet. Whoever writes it
/// goes on; what is written meanwhile is not in the copy. It is there as a whole, on disk, or
/// not at all.
///
/// The copy says of itself that the ledger may lack what was done later: so whoever starts with
/// it begins nothing again that had not ended.
///
/// # Errors
/// The store cannot be read, the copy cannot be written, or there is such a file.
pub async fn back_up(from: &Path, to: &Path) -> Result<(), Error> {
    let unwritable = |error: io::Error| Error::Unwritable {
        place: Place::File(to.into()),
        reason: error.to_string(),
    };
    if to.symlink_metadata().is_ok() {
        return Err(unwritable(io::ErrorKind::AlreadyExists.into()));
    }
    let unfinished = Unfinished::beside(to).map_err(unwritable)?;
    let place = Place::File(from.into());
    copy(from, &unfinished.0)
        .await
        .map_err(|error| error::sort(&place, error))?;
    let place = Place::File(to.into());
    say_that_it_is_a_copy(&unfinished.0)
        .await
        .map_err(|error| error::sort(&place, error))?;
    unfinished.finish(to).map_err(unwritable)
}

async fn copy(from: &Path, to: &Path) -> Result<(), sqlx::Error> {
    let mut connection = connect(from).await?;
    let copied = sqlx::query("VACUUM INTO ?")
        .bind(to.to_string_lossy().as_ref())
        .execute(&mut connection)
        .await;
    connection.close().await?;
    copied.map(drop)
}

async fn say_that_it_is_a_copy(path: &Path) -> Result<(), sqlx::Error> {
    let mut connection = connect(path).await?;
    sqlx::query("INSERT INTO counter (name, value) VALUES ('gap', 1) ON CONFLICT DO NOTHING")
        .execute(&mut connection)
        .await?;
    connection.close().await
}

async fn connect(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(Duration::from_secs(5))
        .disable_statement_logging()
        .connect()
        .await
}

/// A file that becomes another one when it is whole, or nothing.
struct Unfinished(PathBuf);

impl Unfinished {
    /// Empty, and for its owner alone.
    fn beside(path: &Path) -> io::Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}.unfinished", std::process::id()));
        let own = Self(name.into());
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&own.0)?;
        Ok(own)
    }

    /// Never over another file.
    fn finish(self, path: &Path) -> io::Result<()> {
        File::open(&self.0)?.sync_all()?;
        fs::hard_link(&self.0, path)?;
        let folder = path.parent().filter(|path| !path.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Under its own name it is there no longer, whole or not.
        let _ = fs::remove_file(&self.0);
    }
}
