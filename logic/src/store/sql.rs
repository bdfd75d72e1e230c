//! The store in SQL, the same for both databases. What differs is in their own rooms: how a
//! connection is had, what its errors mean, and a few words of the language.

mod audit;
mod catalogue;
mod desired;
mod environments;
mod inventory;
mod ledger;
mod people;
mod readings;
mod select;
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

    /// The rows that are open, as the index of them has it.
    const IS_OPEN: &'static str;
    /// The operation that another one takes back.
    const UNDOES: &'static str;
    /// Has whoever changes releases do it one after the other, where several may write.
    const ALONE: Option<&'static str>;
    /// Has nobody wait for the disk, where that can be chosen for each transaction.
    const LAZILY: Option<&'static str>;
    /// The number of readings that are written at once: control passes in between.
    const READINGS_AT_ONCE: usize;

    /// "One of these", of a parameter with texts.
    fn among(parameter: u8) -> String;

    /// A condition: the tasks of the target that a parameter names.
    fn of_target(parameter: usize) -> String {
        format!("target = ${parameter}")
    }

    fn place(&self) -> &Place;

    /// The meaning of an error.
    fn sort(&self, error: sqlx::Error) -> Error;

    /// Fails where a file of a release, of so many bytes, would take the room that control needs.
    fn check_room(&self, bytes: u64) -> Result<(), Error>;

    /// The rows of one statement.
    fn fetch(
        &self,
        statement: Statement<'_>,
    ) -> impl Future<Output = Result<Vec<Self::Row>, Error>> + Send;

    /// A session in which all that is read is of one moment.
    fn moment(&self) -> impl Future<Output = Result<Self::Reading<'_>, Error>> + Send;

    /// A session of which all is written, or nothing.
    fn begin(&self) -> impl Future<Output = Result<Self::Writing<'_>, Error>> + Send;

    /// All that the ledger has written, as of this moment.
    fn open_snapshot(&self) -> impl Future<Output = Result<Box<dyn Snapshot>, Error>> + Send;
}

/// A transaction. One that is dropped was never there.
pub(super) trait Session: Send {
    type Row: Columns + Send + Sync;

    fn fetch(
        &mut self,
        statement: Statement<'_>,
    ) -> impl Future<Output = Result<Vec<Self::Row>, sqlx::Error>> + Send;

    /// Carries a statement out; says how many rows were written.
    fn execute(
        &mut self,
        statement: Statement<'_>,
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;

    /// Carries out a statement that has many rows; says how many were written.
    fn execute_many(
        &mut self,
        statement: Many<'_>,
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;

    /// Keeps what was done if all of it was, else nothing.
    fn end<T: Send>(
        self,
        done: Result<T, sqlx::Error>,
    ) -> impl Future<Output = Result<T, Error>> + Send;
}

/// A transaction that can write a batch of the ledger.
pub(super) trait Writing: Session {
    /// Returns true if a lease is still that of the fence; then it stays so until the end.
    fn holds(&mut self, fence: &Fence) -> impl Future<Output = Result<bool, sqlx::Error>> + Send;

    /// Writes operations and tasks.
    fn write_tasks(
        &mut self,
        rows: &Rows<'_>,
        place: &Place,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// Ends the transaction of a batch. When this returns, others see what was written.
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
    /// It is there already.
    Before,
    /// It cannot be there.
    Refused(Error),
}

/// The columns of a row. That they are there, and of their types, is the form of the store; of a
/// file that may be none, the fallible ones are asked.
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

/// The inventory is another one. First in a transaction where that is known: so those who change
/// the inventory do it one after the other.
async fn count(to: &mut impl Session) -> Result<(), sqlx::Error> {
    let sql = "UPDATE counter SET value = value + 1 WHERE name = 'inventory'";
    to.execute(Statement::new(sql)).await.map(drop)
}

/// Carries out a word of the database's own, where it has one.
async fn say(to: &mut impl Session, word: Option<&'static str>) -> Result<(), sqlx::Error> {
    match word {
        Some(sql) => to.execute(Statement::new(sql)).await.map(drop),
        None => Ok(()),
    }
}

/// A number as databases have it. Nothing has a larger one.
fn number(value: u64) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}
