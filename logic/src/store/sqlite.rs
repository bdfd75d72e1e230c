//! The store of one machine: a SQLite file with one writer and few readers.

mod backup;
mod batch;
mod copy;
mod error;
mod files;
mod lease;
mod open;
mod recent;
mod session;
mod snapshot;
mod writer;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;

use super::{
    Error, Place, Snapshot, Store, room_for_file,
    sql::{Sql, Statement, columns},
};
use session::{ReadSession, query};
use writer::{Transaction, Writer};

pub use backup::back_up;
pub use snapshot::read_only;

/// A SQLite file, with mode 0600. Writes are in the file when they return (`synchronous=FULL`).
pub struct Sqlite {
    path: PathBuf,
    place: Place,
    writer: Writer,
}

impl Sqlite {
    /// Opens the store, creating or migrating it where needed.
    ///
    /// # Errors
    /// It cannot be written, is damaged, or was written by a newer version.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        open::open(path.as_ref()).await
    }
}

columns!(SqliteRow);

impl Sql for Sqlite {
    type Row = SqliteRow;
    type Reading<'s> = ReadSession;
    type Writing<'s> = Transaction<'s>;

    const IS_OPEN: &'static str = "is_open = 1";
    const UNDOES: &'static str = "json_extract(body, '$.undoes')";
    // Nobody else writes anyway.
    const ALONE: Option<&'static str> = None;

    fn among(parameter: u8) -> String {
        format!("IN (SELECT value FROM json_each(${parameter}))")
    }

    fn of_target(parameter: usize) -> String {
        recent::of_target(parameter)
    }

    fn place(&self) -> &Place {
        &self.place
    }

    fn sort(&self, error: sqlx::Error) -> Error {
        error::sort(&self.place, error)
    }

    fn check_room(&self, bytes: u64) -> Result<(), Error> {
        let needed = room_for_file(bytes);
        match rustix::fs::statvfs(&self.path) {
            Ok(found) => {
                let free = found.f_bavail.saturating_mul(found.f_frsize);
                let place = self.place.clone();
                let full = Error::FullForFile {
                    place,
                    needed,
                    free,
                };
                if free < needed { Err(full) } else { Ok(()) }
            }
            // If the free space is unknown, there is room.
            Err(_) => Ok(()),
        }
    }

    async fn fetch(&self, statement: Statement<'_>) -> Result<Vec<SqliteRow>, Error> {
        let rows = query(statement).fetch_all(&self.writer.readers()).await;
        rows.map_err(|error| self.sort(error))
    }

    async fn moment(&self) -> Result<ReadSession, Error> {
        ReadSession::begin(&self.place, &self.writer.readers()).await
    }

    async fn begin(&self) -> Result<Transaction<'_>, Error> {
        self.writer.begin().await
    }

    async fn shorten_log(&self) {
        self.writer.shorten_log().await;
    }

    async fn rewrite(&self) -> Result<(), Error> {
        self.writer.rewrite().await
    }

    async fn open_snapshot(&self) -> Result<Box<dyn Snapshot>, Error> {
        snapshot::open(&self.path, false).await
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn close(&self) {
        self.writer.close().await;
    }
}
