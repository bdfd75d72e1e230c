//! A SQLite file as one side of a copy.

use async_trait::async_trait;
use sqlx::{
    ConnectOptions, Row as _, Sqlite as Db, SqliteConnection, sqlite::SqliteConnectOptions,
};

use super::{Sqlite, error};
use crate::store::{
    Error, Place,
    copy::{Row, Side, Table, cells, insert, select},
};

struct File {
    place: Place,
    connection: SqliteConnection,
}

impl Sqlite {
    /// As one side of a copy. Nobody else writes the file until it is dropped.
    ///
    /// # Errors
    /// It cannot be written.
    pub async fn side(&self) -> Result<Box<dyn Side>, Error> {
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            .foreign_keys(true)
            .disable_statement_logging();
        let connection = options.connect().await;
        let mut connection = connection.map_err(|error| self.failed(error))?;
        let begun = sqlx::query("BEGIN IMMEDIATE")
            .execute(&mut connection)
            .await;
        begun.map_err(|error| self.failed(error))?;
        Ok(Box::new(File {
            place: self.place.clone(),
            connection,
        }))
    }
}

impl File {
    fn failed(&self, error: sqlx::Error) -> Error {
        error::sort(&self.place, error)
    }
}

#[async_trait]
impl Side for File {
    fn place(&self) -> &Place {
        &self.place
    }

    /// Whoever wrote it would have kept us out.
    async fn is_in_use(&mut self) -> Result<bool, Error> {
        Ok(false)
    }

    async fn count(&mut self, table: &'static Table) -> Result<u64, Error> {
        let mut query = sqlx::QueryBuilder::<Db>::new("SELECT COUNT(*) FROM ");
        query.push(table.name);
        let row = query.build().fetch_one(&mut self.connection).await;
        let row = row.map_err(|error| self.failed(error))?;
        Ok(row.get::<i64, _>(0).try_into().unwrap_or_default())
    }

    async fn read(
        &mut self,
        table: &'static Table,
        after: Option<&Row>,
    ) -> Result<Vec<Row>, Error> {
        let mut query = select::<Db>(table, after);
        let rows = query.build().fetch_all(&mut self.connection).await;
        let rows = rows.map_err(|error| self.failed(error))?;
        let rows = rows
            .iter()
            .map(|row| cells(table, row))
            .collect::<Result<_, _>>();
        rows.map_err(|error| self.failed(error))
    }

    async fn write(&mut self, table: &'static Table, rows: &[Row]) -> Result<(), Error> {
        let mut query = insert::<Db>(table, rows);
        let written = query.build().execute(&mut self.connection).await;
        written.map(drop).map_err(|error| self.failed(error))
    }

    async fn commit(mut self: Box<Self>) -> Result<(), Error> {
        let committed = sqlx::query("COMMIT").execute(&mut self.connection).await;
        committed.map(drop).map_err(|error| self.failed(error))
    }
}
