//! Statements and transactions of SQLite.

use sqlx::{
    AssertSqlSafe, Sqlite as Db, SqliteConnection, SqlitePool,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

use super::{error, writer::Transaction};
use crate::store::{
    Error, Place,
    sql::{Many, Session, Statement, Value},
};

/// The numbers of rows that a statement can have: few, so that each is prepared once and kept.
const SIZES: [usize; 4] = [64, 16, 4, 1];

/// A transaction on a read-only connection.
pub(in crate::store) struct ReadSession {
    place: Place,
    moment: sqlx::Transaction<'static, Db>,
}

/// Converts a statement for the library.
pub(super) fn query(statement: Statement<'_>) -> Query<'static, Db, SqliteArguments> {
    let query = sqlx::query(statement.sql);
    statement.values.into_iter().fold(query, bind)
}

fn bind<'q>(
    query: Query<'q, Db, SqliteArguments>,
    value: Value<'_>,
) -> Query<'q, Db, SqliteArguments> {
    match value {
        // Moved, so that it is not copied again.
        Value::Text(text) => query.bind(text.into_owned()),
        Value::MaybeText(text) => query.bind(text.map(|text| text.into_owned())),
        Value::Number(number) => query.bind(number),
        Value::Flag(flag) => query.bind(flag),
        Value::Bytes(bytes) => query.bind(bytes),
        Value::Texts(texts) => query.bind(serde_json::json!(texts).to_string()),
    }
}

async fn execute_many(
    to: &mut SqliteConnection,
    mut statement: Many<'_>,
) -> Result<u64, sqlx::Error> {
    let rows = std::mem::take(&mut statement.rows);
    let row = vec!["?"; statement.columns.len()].join(", ");
    let texts = SIZES.map(|size| {
        let rows = vec![format!("({row})"); size].join(", ");
        statement.fresh(&format!("VALUES {rows}"))
    });
    let mut left = rows.len();
    let mut rows = rows.into_iter();
    let mut written = 0;
    for (size, text) in SIZES.into_iter().zip(&texts) {
        while left >= size {
            let values = rows.by_ref().take(size).flatten();
            let query = sqlx::query(AssertSqlSafe(text.as_str()));
            let query = values.fold(query, bind);
            written += query.execute(&mut *to).await?.rows_affected();
            left -= size;
        }
    }
    Ok(written)
}

impl Session for Transaction<'_> {
    type Row = SqliteRow;

    async fn fetch(&mut self, statement: Statement<'_>) -> Result<Vec<SqliteRow>, sqlx::Error> {
        query(statement).fetch_all(&mut **self).await
    }

    async fn execute(&mut self, statement: Statement<'_>) -> Result<u64, sqlx::Error> {
        let done = query(statement).execute(&mut **self).await?;
        Ok(done.rows_affected())
    }

    async fn execute_many(&mut self, statement: Many<'_>) -> Result<u64, sqlx::Error> {
        execute_many(self, statement).await
    }

    async fn end<T: Send>(self, done: Result<T, sqlx::Error>) -> Result<T, Error> {
        match done {
            Ok(value) => self.commit(None).await.map(|()| value),
            Err(error) => Err(self.fail(error).await),
        }
    }
}

impl ReadSession {
    pub(super) async fn begin(place: &Place, readers: &SqlitePool) -> Result<Self, Error> {
        let moment = readers.begin().await;
        Ok(Self {
            moment: moment.map_err(|error| error::sort(place, error))?,
            place: place.clone(),
        })
    }
}

impl Session for ReadSession {
    type Row = SqliteRow;

    async fn fetch(&mut self, statement: Statement<'_>) -> Result<Vec<SqliteRow>, sqlx::Error> {
        query(statement).fetch_all(&mut *self.moment).await
    }

    async fn execute(&mut self, statement: Statement<'_>) -> Result<u64, sqlx::Error> {
        let done = query(statement).execute(&mut *self.moment).await?;
        Ok(done.rows_affected())
    }

    async fn execute_many(&mut self, statement: Many<'_>) -> Result<u64, sqlx::Error> {
        execute_many(&mut self.moment, statement).await
    }

    /// Nothing was written: there is nothing to commit.
    async fn end<T: Send>(self, done: Result<T, sqlx::Error>) -> Result<T, Error> {
        done.map_err(|error| error::sort(&self.place, error))
    }
}
