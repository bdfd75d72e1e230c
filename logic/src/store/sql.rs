//! The store in SQL, the same for both databases. Their own modules contain the differences:
//! obtaining a connection, interpreting errors, and a few words of the language.

mod alarm;
mod audit;
mod catalogue;
mod desired;
mod discovery;
mod environments;
mod inventory;
mod ledger;
mod notifications;
mod people;
mod readings;
mod sealing;
mod select;
mod smart;
mod snapshot;
mod statement;

use super::{Error, Fence, Place, Snapshot, WriteBatch, rows::Rows};

use audit::audit_page;
pub(super) use snapshot::{Moment, Visitor};
pub(super) use statement::{Column, Many, Statement, Value};

/// A database that keeps a store.
pub(super) trait Sql: Send + Sync + 'static {
    type Row: Columns + Send + Sync;
    type Reading<'s>: Session<Row = Self::Row>
    where
        Self: 's;
    type Writing<'s>: Writing<Row = Self::Row>
    where
        Self: 's;

    /// The condition for open rows, as in their index.
    const IS_OPEN: &'static str;
    /// The expression for the operation that another one undoes.
    const UNDOES: &'static str;
    /// Serializes changes to releases where several processes may write.
    const ALONE: Option<&'static str>;

    /// "One of these", for a parameter with texts.
    fn among(parameter: u8) -> String;

    /// A condition: the tasks of the target named in a parameter.
    fn of_target(parameter: usize) -> String {
        format!("target = ${parameter}")
    }

    fn place(&self) -> &Place;

    /// Classifies an error.
    fn sort(&self, error: sqlx::Error) -> Error;

    /// Fails if a file of a release of this size would use up the space that control needs.
    fn check_room(&self, bytes: u64) -> Result<(), Error>;

    /// Fetches the rows of one statement.
    fn fetch(
        &self,
        statement: Statement<'_>,
    ) -> impl Future<Output = Result<Vec<Self::Row>, Error>> + Send;

    /// Opens a session whose reads all see the same moment.
    fn moment(&self) -> impl Future<Output = Result<Self::Reading<'_>, Error>> + Send;

    /// Opens a session whose writes all take effect, or none.
    fn begin(&self) -> impl Future<Output = Result<Self::Writing<'_>, Error>> + Send;

    /// Shortens the log of the database where that is possible at once, so that what was replaced
    /// or deleted is not in it any more.
    fn shorten_log(&self) -> impl Future<Output = ()> + Send;

    /// Rewrites what may still have deleted secrets in it.
    fn rewrite(&self) -> impl Future<Output = Result<(), Error>> + Send;

    /// Opens everything that the ledger has written, as of this moment.
    fn open_snapshot(&self) -> impl Future<Output = Result<Box<dyn Snapshot>, Error>> + Send;
}

/// A transaction. A dropped one has no effect.
pub(super) trait Session: Send {
    type Row: Columns + Send + Sync;

    fn fetch(
        &mut self,
        statement: Statement<'_>,
    ) -> impl Future<Output = Result<Vec<Self::Row>, sqlx::Error>> + Send;

    /// Executes a statement; returns the number of rows written.
    fn execute(
        &mut self,
        statement: Statement<'_>,
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;

    /// Executes a statement with many rows; returns the number written.
    fn execute_many(
        &mut self,
        statement: Many<'_>,
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;

    /// Commits if everything succeeded, otherwise rolls back.
    fn end<T: Send>(
        self,
        done: Result<T, sqlx::Error>,
    ) -> impl Future<Output = Result<T, Error>> + Send;
}

/// A transaction that can write a batch of the ledger.
pub(super) trait Writing: Session {
    /// Checks that a lease is still held by the fence, and keeps it so until the end.
    fn holds(&mut self, fence: &Fence) -> impl Future<Output = Result<bool, sqlx::Error>> + Send;

    /// Writes operations and tasks.
    fn write_tasks(
        &mut self,
        rows: &Rows<'_>,
        place: &Place,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// Ends the transaction of a batch. Once it returns, others see what was written.
    fn end_batch(
        self,
        written: Result<Written, sqlx::Error>,
        batch: &WriteBatch,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// The fate of a batch.
#[derive(Debug)]
pub(super) enum Written {
    Now,
    /// It exists already.
    Before,
    /// It cannot be written.
    Refused(Error),
}

/// The columns of a row. The schema guarantees that they exist with their types; for a file that
/// may not be a store, use the fallible methods.
pub(super) trait Columns {
    fn text(&self, column: &str) -> &str;
    fn maybe_text(&self, column: &str) -> Option<&str>;
    fn number(&self, column: &str) -> i64;
    fn bytes(&self, column: &str) -> Vec<u8>;
    fn try_text(&self, column: &str) -> Result<String, sqlx::Error>;
    fn try_maybe_text(&self, column: &str) -> Result<Option<String>, sqlx::Error>;
    fn try_number(&self, column: &str) -> Result<i64, sqlx::Error>;
    fn try_flag(&self, column: &str) -> Result<bool, sqlx::Error>;
    fn try_bytes(&self, column: &str) -> Result<&[u8], sqlx::Error>;
}

macro_rules! columns {
    ($row:ty) => {
        impl $crate::store::sql::Columns for $row {
            fn text(&self, column: &str) -> &str {
                sqlx::Row::get(self, column)
            }

            fn maybe_text(&self, column: &str) -> Option<&str> {
                sqlx::Row::get(self, column)
            }

            fn number(&self, column: &str) -> i64 {
                sqlx::Row::get(self, column)
            }

            fn bytes(&self, column: &str) -> Vec<u8> {
                sqlx::Row::get(self, column)
            }

            fn try_text(&self, column: &str) -> Result<String, sqlx::Error> {
                sqlx::Row::try_get(self, column)
            }

            fn try_maybe_text(&self, column: &str) -> Result<Option<String>, sqlx::Error> {
                sqlx::Row::try_get(self, column)
            }

            fn try_number(&self, column: &str) -> Result<i64, sqlx::Error> {
                sqlx::Row::try_get(self, column)
            }

            fn try_flag(&self, column: &str) -> Result<bool, sqlx::Error> {
                sqlx::Row::try_get(self, column)
            }

            fn try_bytes(&self, column: &str) -> Result<&[u8], sqlx::Error> {
                sqlx::Row::try_get(self, column)
            }
        }
    };
}

pub(super) use columns;

/// Marks the inventory as changed. First in a transaction where that is known, so that changes to
/// the inventory are serialized.
async fn count(to: &mut impl Session) -> Result<(), sqlx::Error> {
    let sql = "UPDATE counter SET value = value + 1 WHERE name = 'inventory'";
    to.execute(Statement::new(sql)).await.map(drop)
}

/// Executes a database-specific statement, if there is one.
async fn say(to: &mut impl Session, word: Option<&'static str>) -> Result<(), sqlx::Error> {
    match word {
        Some(sql) => to.execute(Statement::new(sql)).await.map(drop),
        None => Ok(()),
    }
}

/// Converts a number for databases. No number is too large.
fn number(value: u64) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}
