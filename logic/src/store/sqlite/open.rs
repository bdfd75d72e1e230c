//! Opening a SQLite store, with errors that people can act on.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    time::Duration,
};

use sqlx::{
    ConnectOptions, Row, SqliteConnection,
    migrate::{MigrateError, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::Sqlite;
use crate::store::Error;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Larger files are not looked through at the start: it would take too long.
const CHECKED_UP_TO: u64 = 32 * 1024 * 1024;

pub(super) async fn open(path: &Path) -> Result<Sqlite, Error> {
    let size = prepare(path)?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .disable_statement_logging();
    let failed = |error| Error::from_sqlx(path, error);
    let mut writer = options.connect().await.map_err(failed)?;
    if size > 0 && size <= CHECKED_UP_TO {
        check(path, &mut writer).await?;
    }
    migrate(path, &mut writer).await?;
    Ok(Sqlite::new(path, writer, options))
}

/// Makes the file, for its owner alone, and says how large it is.
fn prepare(path: &Path) -> Result<u64, Error> {
    let unwritable = |error: std::io::Error| Error::Unwritable {
        path: path.to_owned(),
        reason: error.to_string(),
    };
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

async fn check(path: &Path, connection: &mut SqliteConnection) -> Result<(), Error> {
    let row = sqlx::query("PRAGMA quick_check(1)")
        .fetch_one(connection)
        .await
        .map_err(|error| Error::from_sqlx(path, error))?;
    match row.get::<&str, _>(0) {
        "ok" => Ok(()),
        found => Err(Error::Damaged {
            path: path.to_owned(),
            reason: found.to_owned(),
        }),
    }
}

async fn migrate(path: &Path, connection: &mut SqliteConnection) -> Result<(), Error> {
    let path = path.to_owned();
    match MIGRATIONS.run(connection).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(theirs) | MigrateError::VersionTooNew(theirs, _)) => {
            let ours = MIGRATIONS.iter().map(|migration| migration.version).max();
            Err(Error::Newer {
                path,
                theirs,
                ours: ours.unwrap_or_default(),
            })
        }
        Err(MigrateError::VersionMismatch(version) | MigrateError::Dirty(version)) => {
            Err(Error::Damaged {
                path,
                reason: format!("the step {version} to its form was not done as it is known"),
            })
        }
        Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => {
            Err(Error::from_sqlx(&path, error))
        }
        Err(error) => Err(Error::Failed {
            path,
            source: error.into(),
        }),
    }
}
