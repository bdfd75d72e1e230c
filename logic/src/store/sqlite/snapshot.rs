//! A SQLite file as of one moment: one read transaction on a separate connection.

use std::path::Path;

use futures::TryStreamExt;
use sqlx::{
    ConnectOptions, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteRow},
};

use super::error;
use crate::store::{
    Error, Place, Snapshot,
    sql::{Moment, Visitor},
};

/// The number of rows read ahead: a page of the audit trail can be large.
const AHEAD: usize = 2;

/// A connection in a read transaction.
struct ReadTransaction {
    place: Place,
    connection: SqliteConnection,
}

/// Opens the content of a file, whether or not somebody is writing to it. Nothing is changed.
///
/// # Errors
/// It cannot be read, or is not a store.
pub async fn read_only(path: &Path) -> Result<Box<dyn Snapshot>, Error> {
    // Without a log next to it nobody is writing to it, and then it can be read in any folder.
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    // If that cannot be determined, there may be one.
    let has_log = Path::new(&log).try_exists().unwrap_or(true);
    open(path, !has_log).await
}

pub(super) async fn open(path: &Path, is_immutable: bool) -> Result<Box<dyn Snapshot>, Error> {
    let place = Place::File(path.into());
    let failed = |error| error::sort(&place, error);
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .immutable(is_immutable)
        .row_buffer_size(AHEAD)
        .disable_statement_logging();
    let mut connection = options.connect().await.map_err(failed)?;
    // The moment is that of the first read in the transaction.
    for step in ["BEGIN", "SELECT COUNT(*) FROM sqlite_master"] {
        let done = sqlx::query(step).execute(&mut connection).await;
        done.map_err(failed)?;
    }
    Ok(Box::new(ReadTransaction { place, connection }))
}

impl Moment for ReadTransaction {
    type Row = SqliteRow;

    async fn each(
        &mut self,
        sql: &'static str,
        visit: Visitor<'_, SqliteRow>,
    ) -> Result<(), Error> {
        let read = async {
            let mut rows = sqlx::query(sql).fetch(&mut self.connection);
            while let Some(row) = rows.try_next().await? {
                visit(&row)?;
            }
            Ok(())
        };
        let read: Result<(), sqlx::Error> = read.await;
        read.map_err(|error| error::sort(&self.place, error))
    }
}
