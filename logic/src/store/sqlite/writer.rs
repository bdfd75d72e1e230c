//! The only connection that writes, and the precautions that make its answers reliable.
//!
//! After an error SQLite may or may not have ended the transaction by itself: that depends on what
//! was full or broken, and at which statement. A library that counts transactions on top of it
//! counts wrong from then on, and whatever is "committed" afterwards may be in a transaction that
//! never ends. So nothing is counted here: a transaction begins with `BEGIN` and ends with `COMMIT`,
//! which SQLite refuses where they are not possible, and a connection that met an error is not used
//! again.
//!
//! A page of the ledger is acknowledged when others can see it: from time to time it is looked up on
//! another connection, and each time the files must still be those that were opened.

use std::time::Duration;

use sqlx::{
    ConnectOptions, Connection, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use tokio::{
    sync::{Mutex, MutexGuard},
    time::{Instant, timeout},
};

use super::{error, files::Files};
use crate::store::{AuditPage, Error, Place, number::to_column};

/// The first page after this time is looked up on another connection.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Readers that take longer keep their connections when all others are reopened.
const READERS_TIMEOUT: Duration = Duration::from_secs(5);
const READERS: u32 = 2;

/// Disables the precautions above, for a drill that must detect the consequences: it reuses a
/// connection that met an error, counts transactions, and verifies nothing.
const IS_CREDULOUS: bool = cfg!(feature = "commits-are-believed");

pub(super) struct Writer {
    place: Place,
    writing: SqliteConnectOptions,
    reading: SqliteConnectOptions,
    readers: parking_lot::RwLock<SqlitePool>,
    open: Mutex<Open>,
}

struct Open {
    /// Absent while it is in use, and after an error.
    connection: Option<SqliteConnection>,
    /// The verifying connection; absent before its first use and after an error.
    looker: Option<SqliteConnection>,
    looked: Option<Instant>,
    files: Files,
    /// The number of recent tasks; `None` until they are gathered for the first time, because an
    /// earlier life may have left any number of them.
    recent: Option<usize>,
}

/// A transaction. Nobody else writes meanwhile. A dropped one has no effect.
pub(in crate::store) struct Transaction<'w> {
    writer: &'w Writer,
    open: MutexGuard<'w, Open>,
    connection: SqliteConnection,
    /// The statement that ends it.
    commit: &'static str,
}

impl Writer {
    pub fn new(
        place: &Place,
        connection: SqliteConnection,
        files: Files,
        writing: SqliteConnectOptions,
        reading: SqliteConnectOptions,
    ) -> Self {
        Self {
            place: place.clone(),
            readers: parking_lot::RwLock::new(readers(&reading)),
            writing,
            reading,
            open: Mutex::new(Open {
                connection: Some(connection),
                looker: None,
                looked: None,
                files,
                recent: None,
            }),
        }
    }

    /// Returns the read-only connections.
    pub fn readers(&self) -> SqlitePool {
        self.readers.read().clone()
    }

    /// Waits until nobody else writes, then begins.
    pub async fn begin(&self) -> Result<Transaction<'_>, Error> {
        let mut open = self.open.lock().await;
        let is_there = open.files.is_there();
        is_there.map_err(|reason| self.replaced(reason))?;
        if let Err(reason) = open.files.are_as_left()
            && let Some(connection) = open.connection.take()
        {
            tracing::warn!(reason, "the files of the store are looked at again");
            self.end_all(&mut open, connection).await;
        }
        let mut connection = match open.connection.take() {
            Some(connection) => connection,
            None => self.open_anew(&mut open).await?,
        };
        let mut commit = "COMMIT";
        let mut begun = execute(&mut connection, "BEGIN IMMEDIATE").await;
        if IS_CREDULOUS && begun.is_err() {
            begun = execute(&mut connection, "SAVEPOINT inner").await;
            commit = "RELEASE inner";
        }
        match begun {
            Ok(()) => Ok(Transaction {
                writer: self,
                open,
                connection,
                commit,
            }),
            Err(error) => {
                end(connection).await;
                Err(error::sort(&self.place, error))
            }
        }
    }

    /// Moves the log into the file, so that a copy of the file is complete.
    pub async fn close(&self) {
        self.readers().close().await;
        let mut open = self.open.lock().await;
        open.looker = None;
        let Some(mut connection) = open.connection.take() else {
            tracing::warn!("the store's log was not folded in; the next start does it");
            return;
        };
        if let Err(error) = execute(&mut connection, "PRAGMA wal_checkpoint(TRUNCATE)").await {
            tracing::warn!(%error, "the store's log was not folded in; the next start does it");
        }
        end(connection).await;
    }

    /// Moves the log into the file and cuts it off, unless somebody reads it: then it stays until
    /// the store is closed, or this is called again. Nobody waits for readers.
    pub async fn shorten_log(&self) {
        let mut open = self.open.lock().await;
        let options = self.reading.clone().busy_timeout(Duration::ZERO);
        let shortened = async {
            let mut connection = options.connect().await?;
            let shortened = execute(&mut connection, "PRAGMA wal_checkpoint(TRUNCATE)").await;
            end(connection).await;
            shortened
        };
        if let Err(error) = shortened.await {
            tracing::debug!(%error, "the store's log cannot be cut off now");
        }
        // It is smaller now, and that is right.
        open.files.opened_anew();
    }

    /// Writes the whole file anew, without what was ever deleted from it.
    pub async fn rewrite(&self) -> Result<(), Error> {
        let failed = |error| error::sort(&self.place, error);
        let mut open = self.open.lock().await;
        // Not over the writer's own connection, which has temporary files in memory.
        let mut connection = self.reading.connect().await.map_err(failed)?;
        let rewritten = async {
            execute(&mut connection, "PRAGMA secure_delete = ON").await?;
            execute(&mut connection, "VACUUM").await?;
            execute(&mut connection, "PRAGMA wal_checkpoint(TRUNCATE)").await
        };
        let rewritten = rewritten.await;
        end(connection).await;
        open.files.opened_anew();
        rewritten.map_err(failed)
    }

    async fn open_anew(&self, open: &mut Open) -> Result<SqliteConnection, Error> {
        open.looked = None;
        if let Some(looker) = open.looker.take() {
            end(looker).await;
        }
        open.files.opened_anew();
        let connection = self.writing.connect().await;
        let mut connection = connection.map_err(|error| error::sort(&self.place, error))?;
        // On a full disk this frees space in the log, as far as the file itself need not grow.
        if let Err(error) = execute(&mut connection, "PRAGMA wal_checkpoint(PASSIVE)").await {
            tracing::debug!(%error, "the store's log cannot be folded in now");
        }
        tracing::info!("the store is written over a new connection");
        Ok(connection)
    }

    /// Closes every connection: the last one moves its log into the file, even if the log can no
    /// longer be found by name.
    async fn end_all(&self, open: &mut Open, connection: SqliteConnection) {
        let before = std::mem::replace(&mut *self.readers.write(), readers(&self.reading));
        if timeout(READERS_TIMEOUT, before.close()).await.is_err() {
            tracing::warn!("a reader of the store takes long");
        }
        if let Some(looker) = open.looker.take() {
            end(looker).await;
        }
        end(connection).await;
    }

    /// Returns true if another connection sees a page.
    async fn sees(&self, open: &mut Open, page: &AuditPage) -> Result<bool, sqlx::Error> {
        let mut looker = match open.looker.take() {
            Some(looker) => looker,
            None => self.reading.connect().await?,
        };
        let found = sqlx::query("SELECT 1 FROM audit WHERE page = ? AND hash = ?")
            .bind(to_column(page.page))
            .bind(&page.hash)
            .fetch_optional(&mut looker)
            .await?;
        open.looker = Some(looker);
        Ok(found.is_some())
    }

    fn replaced(&self, reason: String) -> Error {
        Error::Replaced {
            place: self.place.clone(),
            reason,
        }
    }

    fn in_doubt(&self, reason: String) -> Error {
        Error::InDoubt {
            place: self.place.clone(),
            reason,
        }
    }
}

impl Open {
    /// Discards a connection that met an error.
    async fn leave(&mut self, mut connection: SqliteConnection) {
        if IS_CREDULOUS {
            // The transaction counts as still open.
            let _ = execute(&mut connection, "BEGIN").await;
            self.connection = Some(connection);
            return;
        }
        end(connection).await;
    }
}

impl<'w> Transaction<'w> {
    /// Counts new tasks. Returns the writer if there may be so many recent ones that they are to be
    /// gathered once this transaction has ended; then the count begins anew.
    pub(super) fn count(&mut self, tasks: usize, many: usize) -> Option<&'w Writer> {
        let recent = self.open.recent.map(|recent| recent.saturating_add(tasks));
        let is_due = recent.is_none_or(|recent| recent >= many);
        self.open.recent = if is_due { Some(0) } else { recent };
        is_due.then_some(self.writer)
    }

    /// Commits. Once it returns, others see the page of the trail that was written or found.
    pub async fn commit(mut self, page: Option<&AuditPage>) -> Result<(), Error> {
        if let Err(error) = execute(&mut self.connection, self.commit).await {
            self.open.leave(self.connection).await;
            let place = self.writer.place.clone();
            return Err(match error::may_be_committed(&error) {
                true => self.writer.in_doubt(error.to_string()),
                false => error::sort(&place, error),
            });
        }
        self.look(page).await
    }

    /// Rolls everything back.
    pub async fn roll_back(mut self) {
        match execute(&mut self.connection, "ROLLBACK").await {
            Ok(()) => self.open.connection = Some(self.connection),
            Err(_) => end(self.connection).await,
        }
    }

    /// Rolls everything back because of this error. A refusal is no reason for doubt.
    pub async fn fail(mut self, error: sqlx::Error) -> Error {
        let place = self.writer.place.clone();
        match error::is_refusal(&error) {
            true => self.roll_back().await,
            false => self.open.leave(self.connection).await,
        }
        error::sort(&place, error)
    }

    async fn look(self, page: Option<&AuditPage>) -> Result<(), Error> {
        let Self {
            writer,
            mut open,
            connection,
            ..
        } = self;
        if IS_CREDULOUS {
            open.connection = Some(connection);
            return Ok(());
        }
        let doubt = open.files.have_it().err();
        let is_due = open.looked.is_none_or(|at| at.elapsed() >= LOOK_INTERVAL);
        let page = page.filter(|_| is_due || doubt.is_some());
        let Some(reason) = doubt else {
            let seen = match page {
                Some(page) => writer.sees(&mut open, page).await,
                None => {
                    open.connection = Some(connection);
                    return Ok(());
                }
            };
            if matches!(seen, Ok(true)) {
                open.looked = Some(Instant::now());
                open.connection = Some(connection);
                return Ok(());
            }
            end(connection).await;
            return Err(writer.in_doubt(unseen(seen)));
        };
        tracing::warn!(reason, "the files of the store are looked at again");
        writer.end_all(&mut open, connection).await;
        open.files.is_there().map_err(|now| writer.in_doubt(now))?;
        match page {
            Some(page) => match writer.sees(&mut open, page).await {
                Ok(true) => Ok(()),
                seen => Err(writer.in_doubt(format!("{reason}; {}", unseen(seen)))),
            },
            None => Err(writer.in_doubt(reason)),
        }
    }
}

fn unseen(seen: Result<bool, sqlx::Error>) -> String {
    match seen {
        Err(error) => format!("another connection cannot look for it: {error}"),
        Ok(_) => "it was committed, and another connection does not see it".into(),
    }
}

impl std::ops::Deref for Transaction<'_> {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl std::ops::DerefMut for Transaction<'_> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}

fn readers(options: &SqliteConnectOptions) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .connect_lazy_with(options.clone())
}

async fn execute(to: &mut SqliteConnection, sql: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query(sql).execute(to).await.map(drop)
}

/// Waits until the connection is closed: its transaction and its locks are then gone.
async fn end(connection: SqliteConnection) {
    if let Err(error) = connection.close().await {
        tracing::debug!(%error, "a connection to the store did not end in order");
    }
}
