//! Statements and transactions of PostgreSQL.

use std::borrow::Cow;

use sqlx::{
    AssertSqlSafe, Postgres as Db,
    pool::PoolConnection,
    postgres::{PgArguments, PgRow},
    query::Query,
};
use tokio::time::{Instant, timeout_at};

use super::{
    Postgres,
    connection::{CALL_TIMEOUT, late},
    error::is_refusal,
};
use crate::store::{
    Error,
    sql::{Column, Many, Session, Sql, Statement, Value},
};

/// Begins a transaction whose reads all see the same moment.
pub(super) const MOMENT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// A transaction with a deadline. The connection of a dropped one is closed: its state is not
/// examined.
pub(in crate::store) struct Transaction<'p> {
    pub(super) store: &'p Postgres,
    connection: PoolConnection<Db>,
    /// True once the connection can be used by others.
    is_clean: bool,
    deadline: Instant,
    /// True once a statement was not answered in time.
    pub(super) is_late: bool,
}

type Asked<'q> = Query<'q, Db, PgArguments>;

/// Converts a statement for the library.
pub(super) fn query(statement: Statement<'_>) -> Asked<'static> {
    let query = sqlx::query(statement.sql);
    statement.values.into_iter().fold(query, bind)
}

fn bind<'q>(query: Asked<'q>, value: Value<'_>) -> Asked<'q> {
    match value {
        Value::Text(text) => query.bind(text),
        Value::MaybeText(text) => query.bind(text),
        Value::Number(number) => query.bind(number),
        Value::Flag(flag) => query.bind(flag),
        Value::Bytes(bytes) => query.bind(bytes),
        Value::Texts(texts) => query.bind(texts),
    }
}

/// Builds a statement over many rows: each column is an array.
fn many(mut statement: Many<'_>) -> Asked<'static> {
    let rows = std::mem::take(&mut statement.rows);
    let types = statement
        .columns
        .iter()
        .zip(1..)
        .map(|(column, parameter)| {
            let name = match column {
                Column::Text(_) => "text",
                Column::Number(_) => "bigint",
                Column::Flag(_) => "boolean",
                Column::Bytes(_) => "bytea",
            };
            format!("${parameter}::{name}[]")
        });
    let arrays = types.collect::<Vec<_>>().join(", ");
    let text = statement.fresh(&format!("SELECT * FROM unnest({arrays})"));
    let query = sqlx::query(AssertSqlSafe(text));
    let mut columns = vec![Vec::with_capacity(rows.len()); statement.columns.len()];
    for row in rows {
        debug_assert_eq!(
            row.len(),
            columns.len(),
            "a row has a value for each column"
        );
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(value);
        }
    }
    let columns = statement.columns.iter().zip(columns);
    columns.fold(query, |query, (column, values)| match column {
        Column::Text(_) => query.bind(values.into_iter().map(text_of).collect::<Vec<_>>()),
        Column::Number(_) => query.bind(values.iter().map(number_of).collect::<Vec<_>>()),
        Column::Flag(_) => query.bind(values.iter().map(flag_of).collect::<Vec<_>>()),
        Column::Bytes(_) => query.bind(values.iter().map(bytes_of).collect::<Vec<_>>()),
    })
}

fn text_of(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value {
        Value::Text(text) => Some(text),
        Value::MaybeText(text) => text,
        _ => unreachable!("a column of texts has no other values"),
    }
}

fn number_of(value: &Value<'_>) -> i64 {
    match value {
        Value::Number(number) => *number,
        _ => unreachable!("a column of numbers has no other values"),
    }
}

fn flag_of(value: &Value<'_>) -> bool {
    match value {
        Value::Flag(flag) => *flag,
        _ => unreachable!("a column of flags has no other values"),
    }
}

fn bytes_of<'v>(value: &Value<'v>) -> &'v [u8] {
    match value {
        Value::Bytes(bytes) => bytes,
        _ => unreachable!("a column of bytes has no other values"),
    }
}

impl<'p> Transaction<'p> {
    pub(super) async fn begin(store: &'p Postgres, begin: &'static str) -> Result<Self, Error> {
        let connection = store.connection().await?;
        let mut own = Self {
            store,
            connection,
            is_clean: false,
            deadline: Instant::now() + CALL_TIMEOUT,
            is_late: false,
        };
        match own.run(begin).await {
            Ok(()) => Ok(own),
            Err(error) => Err(own.fail(error).await),
        }
    }

    fn late(&mut self) -> sqlx::Error {
        self.is_late = true;
        late()
    }

    /// Executes a statement before the deadline; returns the number of rows written.
    pub(super) async fn execute_query(&mut self, query: Asked<'_>) -> Result<u64, sqlx::Error> {
        let deadline = self.deadline;
        let done = timeout_at(deadline, query.execute(&mut *self.connection)).await;
        let done = done.unwrap_or_else(|_| Err(self.late()));
        Ok(done?.rows_affected())
    }

    /// Executes a statement that controls the transaction.
    async fn run(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        let deadline = self.deadline;
        let done = timeout_at(deadline, sqlx::raw_sql(sql).execute(&mut *self.connection)).await;
        let done = done.unwrap_or_else(|_| Err(self.late()));
        done.map(drop)
    }

    /// Commits. The connection is kept, so that looking up what was written uses another one.
    pub(super) async fn commit(&mut self) -> Result<(), sqlx::Error> {
        self.run("COMMIT").await
    }

    /// Rolls everything back.
    pub(super) async fn roll_back(mut self) {
        if self.run("ROLLBACK").await.is_ok() {
            self.give_back();
        }
    }

    /// Rolls everything back because of this error. A refusal is no reason to doubt a connection.
    pub(super) async fn fail(self, error: sqlx::Error) -> Error {
        let store = self.store;
        if is_refusal(&error) {
            self.roll_back().await;
        }
        store.sort(error)
    }

    /// Returns the connection to the pool.
    pub(super) fn give_back(mut self) {
        self.is_clean = true;
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if !self.is_clean {
            self.connection.close_on_drop();
        }
    }
}

impl Session for Transaction<'_> {
    type Row = PgRow;

    async fn fetch(&mut self, statement: Statement<'_>) -> Result<Vec<PgRow>, sqlx::Error> {
        let deadline = self.deadline;
        let rows = query(statement).fetch_all(&mut *self.connection);
        let rows = timeout_at(deadline, rows).await;
        rows.unwrap_or_else(|_| Err(self.late()))
    }

    async fn execute(&mut self, statement: Statement<'_>) -> Result<u64, sqlx::Error> {
        self.execute_query(query(statement)).await
    }

    async fn execute_many(&mut self, statement: Many<'_>) -> Result<u64, sqlx::Error> {
        if statement.rows.is_empty() {
            return Ok(0);
        }
        self.execute_query(many(statement)).await
    }

    async fn end<T: Send>(mut self, done: Result<T, sqlx::Error>) -> Result<T, Error> {
        let kept = match done {
            Ok(value) => self.commit().await.map(|()| value),
            Err(error) => Err(error),
        };
        match kept {
            Ok(value) => {
                self.give_back();
                Ok(value)
            }
            Err(error) => Err(self.fail(error).await),
        }
    }
}
