//! A SQLite file as one side of a copy.

use sqlx::{
    ConnectOptions, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteRow},
};

use super::{Sqlite, error, session::query};
use crate::store::{
    Error, Place,
    copy::{Connection, Row, Side, Table},
    sql::{Sql, Statement},
};

struct File {
    place: Place,
    connection: SqliteConnection,
}

impl Sqlite {
    /// Opens it as one side of a copy. Nobody else can write to the file until this is dropped.
    ///
    /// # Errors
    /// It cannot be written.
    pub async fn side(&self) -> Result<Box<dyn Side>, Error> {
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            .foreign_keys(true)
            .disable_statement_logging();
        let connection = options.connect().await;
        let mut connection = connection.map_err(|error| self.sort(error))?;
        let begun = sqlx::query("BEGIN IMMEDIATE")
            .execute(&mut connection)
            .await;
        begun.map_err(|error| self.sort(error))?;
        Ok(Box::new(File {
            place: self.place.clone(),
            connection,
        }))
    }
}

impl Connection for File {
    type Row = SqliteRow;

    fn place(&self) -> &Place {
        &self.place
    }

    fn sort(&self, error: sqlx::Error) -> Error {
        error::sort(&self.place, error)
    }

    /// A process writing to it would have kept us out.
    async fn is_in_use(&mut self) -> Result<bool, Error> {
        Ok(false)
    }

    async fn fetch(&mut self, statement: Statement<'_>) -> Result<Vec<SqliteRow>, sqlx::Error> {
        query(statement).fetch_all(&mut self.connection).await
    }

    async fn complete(&mut self, _: &'static Table, _: &[Row]) -> Result<(), Error> {
        Ok(())
    }
}
