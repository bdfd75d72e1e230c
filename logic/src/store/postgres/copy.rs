//! A database of PostgreSQL as one side of a copy.

use async_trait::async_trait;
use serde::Deserialize;
use sqlx::{PgConnection, Postgres as Db, Row as _};

use super::{Postgres, error::sort, ledger::MOMENT, open::connect};
use crate::store::{
    Error, Place,
    copy::{Cell, Row, Side, TABLES, Table, cells, insert, select},
};

struct Database {
    place: Place,
    connection: PgConnection,
}

/// What is looked for in the body of an operation.
#[derive(Deserialize)]
struct Undoes {
    #[serde(default)]
    undoes: Option<String>,
}

impl Postgres {
    /// As the source of a copy: as it is at this moment.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn source(&self) -> Result<Box<dyn Side>, Error> {
        let mut side = self.side().await?;
        side.run(MOMENT).await?;
        Ok(Box::new(side))
    }

    /// As the target of a copy. Nobody else writes it until it is dropped.
    ///
    /// # Errors
    /// The database does not answer, or somebody else writes it.
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
        // It takes as long as it takes.
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
    fn failed(&self, error: sqlx::Error) -> Error {
        sort(&self.place, error)
    }

    async fn run(&mut self, sql: &'static str) -> Result<(), Error> {
        let done = sqlx::query(sql).execute(&mut self.connection).await;
        done.map(drop).map_err(|error| self.failed(error))
    }

    /// The column that only this database has.
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
        updated.map(drop).map_err(|error| self.failed(error))
    }
}

#[async_trait]
impl Side for Database {
    fn place(&self) -> &Place {
        &self.place
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
        Ok(row.map_err(|error| self.failed(error))?.get(0))
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
        written.map_err(|error| self.failed(error))?;
        if table.name == "operation" {
            self.write_undoes(rows).await?;
        }
        Ok(())
    }

    async fn commit(mut self: Box<Self>) -> Result<(), Error> {
        self.run("COMMIT").await
    }
}
