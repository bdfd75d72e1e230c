//! A copy of a SQLite store that may be in use.

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

/// Copies a store, as of one moment, to a file that does not exist yet. A writer can continue; what
/// is written meanwhile is not in the copy. The copy is complete and on disk, or does not exist.
///
/// The copy is marked as possibly lacking what was done later: a logic environment that starts with
/// it repeats none of the tasks that had not ended.
///
/// # Errors
/// The store cannot be read, the copy cannot be written, or the file exists.
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

/// A file that gets its final name when it is complete, or is removed.
struct Unfinished(PathBuf);

impl Unfinished {
    /// Creates it empty, accessible to its owner only.
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

    /// Never replaces another file.
    fn finish(self, path: &Path) -> io::Result<()> {
        File::open(&self.0)?.sync_all()?;
        fs::hard_link(&self.0, path)?;
        let folder = path.parent().filter(|path| !path.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // It has its final name by now, or is incomplete.
        let _ = fs::remove_file(&self.0);
    }
}
