//! Connections, and the deadline of everything that is asked on them.

use std::time::Duration;

use sqlx::{
    Postgres as Db,
    pool::PoolConnection,
    postgres::{PgArguments, PgPoolOptions, PgRow},
    query::Query,
};
use tokio::time::error::Elapsed;

use super::{Postgres, error};
use crate::store::{Error, Place};

/// A connection is there after this, or never.
pub(super) const CONNECT: Duration = Duration::from_secs(5);
/// PostgreSQL gives up a statement after this, and a transaction that nobody goes on with.
pub(super) const STATEMENT: Duration = Duration::from_secs(30);
/// What was not answered after this is not answered at all.
pub(super) const CALL: Duration = Duration::from_secs(35);
const CONNECTIONS: u32 = 8;

impl Postgres {
    pub(super) fn new(place: Place, options: sqlx::postgres::PgConnectOptions) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(CONNECT)
            .connect_lazy_with(options.clone());
        Self {
            place,
            options,
            pool,
            looked: parking_lot::Mutex::default(),
        }
    }

    pub(super) fn failed(&self, error: sqlx::Error) -> Error {
        error::sort(&self.place, error)
    }

    /// A connection that works. What was lost since it was used last is found out here.
    pub(super) async fn connection(&self) -> Result<PoolConnection<Db>, Error> {
        let connection = self.pool.acquire().await;
        connection.map_err(|error| self.failed(error))
    }

    /// The rows of one statement.
    pub(super) async fn fetch(
        &self,
        query: Query<'_, Db, PgArguments>,
    ) -> Result<Vec<PgRow>, Error> {
        let mut connection = self.connection().await?;
        let rows = tokio::time::timeout(CALL, query.fetch_all(&mut *connection)).await;
        self.answered(connection, rows)
    }

    /// What came of a call; the connection is used again only if it can be: what it is in after
    /// an error nobody has to know.
    pub(super) fn answered<T>(
        &self,
        mut connection: PoolConnection<Db>,
        answer: Result<Result<T, sqlx::Error>, Elapsed>,
    ) -> Result<T, Error> {
        let answer = answer.unwrap_or_else(|_| Err(late()));
        if let Err(error) = &answer
            && !error::is_refusal(error)
        {
            connection.close_on_drop();
        }
        answer.map_err(|error| self.failed(error))
    }
}

/// As the system says it.
pub(super) fn late() -> sqlx::Error {
    sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())
}
