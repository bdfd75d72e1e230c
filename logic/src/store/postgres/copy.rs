//! A database of PostgreSQL as one side of a copy.

use serde::Deserialize;
use sqlx::{PgConnection, Postgres as Db, Row as _, postgres::PgRow};

use super::{
    Postgres,
    error::sort,
    open::connect,
    session::{MOMENT, query},
};
use crate::store::{
    Error, Place,
    copy::{Cell, Connection, Row, Side, TABLES, Table},
    sql::Statement,
};

struct Database {
    place: Place,
    connection: PgConnection,
}

/// The field searched in the body of an operation.
#[derive(Deserialize)]
struct Undoes {
    #[serde(default)]
    undoes: Option<String>,
}

impl Postgres {
    /// Opens it as the source of a copy, as of this moment.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn source(&self) -> Result<Box<dyn Side>, Error> {
        let mut side = self.side().await?;
        side.run(MOMENT).await?;
        Ok(Box::new(side))
    }

    /// Opens it as the target of a copy. Nobody else can write to it until this is dropped.
    ///
    /// # Errors
    /// The database does not answer, or somebody else is writing to it.
    pub async fn target(&self) -> Result<Box<dyn Side>, Error> {
        let mut side = self.side().await?;
        side.run("BEGIN").await?;
        for table in &TABLES {
            let mut query = sqlx::QueryBuilder::<Db>::new("LOCK TABLE ");
            query
                .push(table.name)
                .push(" IN SHARE ROW EXCLUSIVE MODE NOWAIT");
            let locked = query.build().execute(&mut side.connection).await;
            locked.map_err(|error| sort(&side.place, error))?;
        }
        Ok(Box::new(side))
    }

    async fn side(&self) -> Result<Database, Error> {
        // No time limit: it takes as long as it takes.
        let options = self.options.clone().application_name("utakata copy");
        let unlimited = options.options([
            ("statement_timeout", "0"),
            ("idle_in_transaction_session_timeout", "0"),
        ]);
        Ok(Database {
            place: self.place.clone(),
            connection: connect(&self.place, &unlimited).await?,
        })
    }
}

impl Database {
    async fn run(&mut self, sql: &'static str) -> Result<(), Error> {
        let done = sqlx::query(sql).execute(&mut self.connection).await;
        done.map(drop)
            .map_err(|error| Connection::sort(self, error))
    }

    /// Writes the column that only this database has.
    async fn write_undoes(&mut self, rows: &[Row]) -> Result<(), Error> {
        let (mut ids, mut undoes) = (Vec::new(), Vec::new());
        for row in rows {
            let [Cell::Text(Some(id)), Cell::Text(Some(body)), ..] = row.as_slice() else {
                continue;
            };
            if let Some(undone) = self.place.parse::<Undoes>("operation", body)?.undoes {
                ids.push(id.as_str());
                undoes.push(undone);
            }
        }
        if ids.is_empty() {
            return Ok(());
        }
        let updated = sqlx::query(
            "UPDATE operation SET undoes = known.undoes
             FROM unnest($1::text[], $2::text[]) AS known (id, undoes)
             WHERE operation.id = known.id",
        )
        .bind(ids)
        .bind(undoes)
        .execute(&mut self.connection)
        .await;
        updated
            .map(drop)
            .map_err(|error| Connection::sort(self, error))
    }
}

impl Connection for Database {
    type Row = PgRow;

    fn place(&self) -> &Place {
        &self.place
    }

    fn sort(&self, error: sqlx::Error) -> Error {
        sort(&self.place, error)
    }

    async fn is_in_use(&mut self) -> Result<bool, Error> {
        let row = sqlx::query(
            "SELECT EXISTS (
                 SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
                 AND application_name = 'utakata' AND pid <> pg_backend_pid()
             ) OR EXISTS (
                 SELECT 1 FROM lease WHERE environment IS NOT NULL AND until > clock_timestamp()
             )",
        )
        .fetch_one(&mut self.connection)
        .await;
        Ok(row.map_err(|error| Connection::sort(self, error))?.get(0))
    }

    async fn fetch(&mut self, statement: Statement<'_>) -> Result<Vec<PgRow>, sqlx::Error> {
        query(statement).fetch_all(&mut self.connection).await
    }

    async fn complete(&mut self, table: &'static Table, rows: &[Row]) -> Result<(), Error> {
        match table.name {
            "operation" => self.write_undoes(rows).await,
            _ => Ok(()),
        }
    }
}
