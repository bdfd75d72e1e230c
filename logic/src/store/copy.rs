//! Copies everything in a store to another, empty one.
//!
//! The copy is one transaction, compared row by row before it is committed: an interrupted or
//! deviating copy leaves nothing behind.

mod table;

use async_trait::async_trait;
use sqlx::AssertSqlSafe;

pub(super) use self::table::{Cell, TABLES, Table};
use self::table::{cells, insert, select};
use super::{
    Error as StoreError, Place,
    number::from_column,
    sql::{Columns, Statement},
};

/// A row, in the order of the columns.
pub(super) type Row = Vec<Cell>;

/// The number of rows copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Each table with its number of rows.
    pub tables: Vec<(&'static str, u64)>,
}

/// The progress of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub table: &'static str,
    /// The number of rows copied or compared.
    pub done: u64,
    /// The total number of rows.
    pub all: u64,
}

/// The reason why nothing was copied.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One of the stores failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The target is not empty.
    #[error("the store {place} is not empty: it has {rows} rows in {table}")]
    NotEmpty {
        /// The store that would be copied to.
        place: Place,
        /// A table with rows.
        table: &'static str,
        /// The number of rows.
        rows: u64,
    },
    /// A store is in use.
    #[error("the store {place} is in use by another utakata: end that first")]
    InUse {
        /// The store that is in use.
        place: Place,
    },
    /// The copy deviates from its source.
    #[error("the rows of {table} in {place} differ from those of its source: nothing was kept")]
    Differs {
        /// The store that was copied to.
        place: Place,
        table: &'static str,
    },
}

/// A store as seen by one transaction; without a commit nothing is written.
#[async_trait]
pub trait Side: Send {
    #[doc(hidden)]
    fn place(&self) -> &Place;

    #[doc(hidden)]
    async fn is_in_use(&mut self) -> Result<bool, StoreError>;

    #[doc(hidden)]
    async fn count(&mut self, table: &'static Table) -> Result<u64, StoreError>;

    /// Returns the rows after this one, ordered by their keys.
    #[doc(hidden)]
    async fn read(
        &mut self,
        table: &'static Table,
        after: Option<&Row>,
    ) -> Result<Vec<Row>, StoreError>;

    #[doc(hidden)]
    async fn write(&mut self, table: &'static Table, rows: &[Row]) -> Result<(), StoreError>;

    #[doc(hidden)]
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;
}

/// A transaction of a separate connection, as one side of a copy.
pub(super) trait Connection: Send {
    type Row: Columns + Send + Sync;

    fn place(&self) -> &Place;

    /// Classifies an error.
    fn sort(&self, error: sqlx::Error) -> StoreError;

    /// Returns true if somebody else uses the store.
    fn is_in_use(&mut self) -> impl Future<Output = Result<bool, StoreError>> + Send;

    fn fetch(
        &mut self,
        statement: Statement<'_>,
    ) -> impl Future<Output = Result<Vec<Self::Row>, sqlx::Error>> + Send;

    /// Writes the columns specific to this database for rows just written.
    fn complete(
        &mut self,
        table: &'static Table,
        rows: &[Row],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

#[async_trait]
impl<C: Connection> Side for C {
    fn place(&self) -> &Place {
        Connection::place(self)
    }

    async fn is_in_use(&mut self) -> Result<bool, StoreError> {
        Connection::is_in_use(self).await
    }

    async fn count(&mut self, table: &'static Table) -> Result<u64, StoreError> {
        let sql = format!("SELECT COUNT(*) AS rows_there FROM {}", table.name);
        let rows = self.fetch(Statement::new(AssertSqlSafe(sql))).await;
        let rows = rows.map_err(|error| self.sort(error))?;
        let count = rows.first().map_or(0, |row| row.number("rows_there"));
        Ok(from_column(count))
    }

    async fn read(
        &mut self,
        table: &'static Table,
        after: Option<&Row>,
    ) -> Result<Vec<Row>, StoreError> {
        let rows = self.fetch(select(table, after)).await;
        let rows = rows.map_err(|error| self.sort(error))?;
        let rows = rows.iter().map(|row| cells(table, row));
        let rows = rows.collect::<Result<_, _>>();
        rows.map_err(|error| self.sort(error))
    }

    async fn write(&mut self, table: &'static Table, rows: &[Row]) -> Result<(), StoreError> {
        let written = self.fetch(insert(table, rows)).await;
        written.map_err(|error| self.sort(error))?;
        self.complete(table, rows).await
    }

    async fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        let committed = self.fetch(Statement::new("COMMIT")).await;
        committed.map(drop).map_err(|error| self.sort(error))
    }
}

/// Copies everything except the leases.
///
/// # Errors
/// In that case nothing was written.
pub async fn copy(
    mut from: Box<dyn Side>,
    mut to: Box<dyn Side>,
    show: &mut (dyn FnMut(Progress) + Send),
) -> Result<Copied, Error> {
    for side in [&mut from, &mut to] {
        if side.is_in_use().await? {
            let place = side.place().clone();
            return Err(Error::InUse { place });
        }
    }
    check_empty(to.as_mut()).await?;
    let mut tables = Vec::with_capacity(TABLES.len());
    for table in &TABLES {
        tables.push((table.name, from.count(table).await?));
    }
    // Each row is written and compared.
    let all = 2 * tables.iter().map(|(_, rows)| rows).sum::<u64>();
    let mut done = 0;
    for table in &TABLES {
        let mut last = None;
        loop {
            let rows = from.read(table, last.as_ref()).await?;
            if rows.is_empty() {
                break;
            }
            to.write(table, &rows).await?;
            done += rows.len() as u64;
            let table = table.name;
            show(Progress { table, done, all });
            last = rows.into_iter().next_back();
        }
    }
    for table in &TABLES {
        let compared = |rows: u64| {
            let (table, done) = (table.name, done + rows);
            show(Progress { table, done, all });
        };
        done += compare(from.as_mut(), to.as_mut(), table, compared).await?;
    }
    to.commit().await?;
    Ok(Copied { tables })
}

async fn check_empty(to: &mut dyn Side) -> Result<(), Error> {
    for table in TABLES.iter().filter(|table| !table.is_always_there) {
        let rows = to.count(table).await?;
        if rows > 0 {
            return Err(Error::NotEmpty {
                place: to.place().clone(),
                table: table.name,
                rows,
            });
        }
    }
    Ok(())
}

/// Compares both sides; returns the number of rows, all of them equal.
async fn compare(
    from: &mut dyn Side,
    to: &mut dyn Side,
    table: &'static Table,
    mut show: impl FnMut(u64),
) -> Result<u64, Error> {
    let (mut last, mut count) = (None, 0);
    loop {
        let rows = from.read(table, last.as_ref()).await?;
        if to.read(table, last.as_ref()).await? != rows {
            return Err(Error::Differs {
                place: to.place().clone(),
                table: table.name,
            });
        }
        if rows.is_empty() {
            return Ok(count);
        }
        count += rows.len() as u64;
        show(count);
        last = rows.into_iter().next_back();
    }
}
