//! A database as of one moment: one read transaction on a separate connection.

use futures::TryStreamExt;
use sqlx::{PgConnection, postgres::PgRow};

use super::{Postgres, error::sort, open::connect, session::MOMENT};
use crate::store::{
    Error, Place, Snapshot,
    sql::{Moment, Sql, Visitor},
};

/// A connection in a read transaction.
struct ReadTransaction {
    place: Place,
    connection: PgConnection,
}

impl Postgres {
    pub(super) async fn read_snapshot(&self) -> Result<Box<dyn Snapshot>, Error> {
        // No time limit for reading.
        let unlimited = self.options.clone().options([
            ("statement_timeout", "0"),
            ("idle_in_transaction_session_timeout", "0"),
        ]);
        let mut connection = connect(&self.place, &unlimited).await?;
        // The moment is that of the first read in the transaction.
        for step in [MOMENT, "SELECT COUNT(*) FROM pg_class"] {
            let done = sqlx::query(step).execute(&mut connection).await;
            done.map_err(|error| self.sort(error))?;
        }
        Ok(Box::new(ReadTransaction {
            place: self.place.clone(),
            connection,
        }))
    }
}

impl Moment for ReadTransaction {
    type Row = PgRow;

    async fn each(&mut self, sql: &'static str, visit: Visitor<'_, PgRow>) -> Result<(), Error> {
        let read = async {
            let mut rows = sqlx::query(sql).fetch(&mut self.connection);
            while let Some(row) = rows.try_next().await? {
                visit(&row)?;
            }
            Ok(())
        };
        let read: Result<(), sqlx::Error> = read.await;
        read.map_err(|error| sort(&self.place, error))
    }
}
