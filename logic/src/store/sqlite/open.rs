//! Opening a SQLite store, with errors that users can act on.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    time::Duration,
};

use sqlx::{
    ConnectOptions, Row, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::{Sqlite, error, files::Files, writer::Writer};
use crate::store::{Error, Place, migrations::OF_SQLITE};

/// Larger files are not checked at the start: it would take too long.
const MAX_CHECKED: u64 = 32 * 1024 * 1024;

/// The page cache of the writer, in KiB, used as far as needed: writes are scattered, and reading
/// the pages again would take longer than writing.
const CACHE: &str = "-65536";
/// The page size of a new store, in bytes. Rows written together are stored together, so one larger
/// page is written instead of two smaller ones; with 16 KiB an empty store would take a megabyte.
const PAGE: u32 = 8192;
/// Pages in the log before a checkpoint: a page rewritten meanwhile is transferred once.
const CHECKPOINT_AFTER: &str = "2000";

pub(super) async fn open(path: &Path) -> Result<Sqlite, Error> {
    let size = prepare(path)?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .page_size(PAGE)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        // Where a plain sync does not reach the disk (macOS), the stronger one is used.
        .pragma("fullfsync", "1")
        .pragma("checkpoint_fullfsync", "1")
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .disable_statement_logging();
    let place = Place::File(path.into());
    let failed = |error| error::sort(&place, error);
    let writing = options
        .clone()
        .pragma("cache_size", CACHE)
        .pragma("temp_store", "memory")
        // What is deleted is overwritten, not only forgotten.
        .pragma("secure_delete", "ON")
        .pragma("wal_autocheckpoint", CHECKPOINT_AFTER);
    let mut writer = writing.connect().await.map_err(failed)?;
    if size > 0 && size <= MAX_CHECKED {
        check(&place, &mut writer).await?;
    }
    migrate(&place, &mut writer).await?;
    is_safe(&place, &mut writer).await?;
    let files = Files::of(path).map_err(|error| unwritable(path, &error))?;
    let writer = Writer::new(&place, writer, files, writing, options);
    Ok(Sqlite {
        path: path.to_owned(),
        place,
        writer,
    })
}

/// Checks that nothing is reported as written that a loss of power could take away.
async fn is_safe(place: &Place, connection: &mut SqliteConnection) -> Result<(), Error> {
    let failed = |error| error::sort(place, error);
    let mode = sqlx::query("PRAGMA journal_mode").fetch_one(&mut *connection);
    let mode: String = mode.await.map_err(failed)?.get(0);
    let synchronous = sqlx::query("PRAGMA synchronous").fetch_one(connection);
    let synchronous: i64 = synchronous.await.map_err(failed)?.get(0);
    if mode == "wal" && synchronous == 2 {
        return Ok(());
    }
    let reason = format!("SQLite uses the journal mode \"{mode}\" there, not \"wal\"");
    Err(Error::Unwritable {
        place: place.clone(),
        reason,
    })
}

fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    Error::Unwritable {
        place: Place::File(path.into()),
        reason: error.to_string(),
    }
}

/// Creates the file, accessible to its owner only, and returns its size.
fn prepare(path: &Path) -> Result<u64, Error> {
    let unwritable = |error: std::io::Error| unwritable(path, &error);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(unwritable)?;
    let metadata = file.metadata().map_err(unwritable)?;
    if metadata.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(unwritable)?;
    }
    Ok(metadata.len())
}

async fn check(place: &Place, connection: &mut SqliteConnection) -> Result<(), Error> {
    let row = sqlx::query("PRAGMA quick_check(1)")
        .fetch_one(connection)
        .await
        .map_err(|error| error::sort(place, error))?;
    match row.get::<&str, _>(0) {
        "ok" => Ok(()),
        found => Err(Error::Damaged {
            place: place.clone(),
            reason: found.to_owned(),
        }),
    }
}

async fn migrate(place: &Place, connection: &mut SqliteConnection) -> Result<(), Error> {
    let migrated = OF_SQLITE.run(connection).await;
    migrated.map_err(|error| Error::migrating(place, &OF_SQLITE, error, error::sort))
}
