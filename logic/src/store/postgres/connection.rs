//! Connections, and the deadline of everything requested on them.

use std::time::Duration;

use sqlx::{
    Postgres as Db,
    pool::PoolConnection,
    postgres::{PgArguments, PgPoolOptions, PgRow},
    query::Query,
};
use tokio::time::error::Elapsed;

use super::{Postgres, error, identity::Identity};
use crate::store::{Error, Place, sql::Sql};

/// The time limit for opening a connection.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// PostgreSQL aborts a statement after this, and a transaction that is not continued.
pub(super) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);
/// The time after which an answer is no longer awaited.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(35);
const CONNECTIONS: u32 = 8;

impl Postgres {
    pub(super) fn new(
        place: Place,
        options: sqlx::postgres::PgConnectOptions,
        identity: Identity,
    ) -> Self {
        let (new, used) = (identity.clone(), identity.clone());
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(CONNECT_TIMEOUT)
            // The identity check also shows that a connection works.
            .test_before_acquire(false)
            .after_connect(move |connection, _| {
                let identity = new.clone();
                Box::pin(async move { identity.check(connection).await })
            })
            .before_acquire(move |connection, _| {
                let identity = used.clone();
                // One that fails is closed, and a new one opened.
                Box::pin(async move { Ok(identity.check(connection).await.is_ok()) })
            })
            .connect_lazy_with(options.clone());
        Self {
            place,
            options,
            pool,
            identity,
            looked: parking_lot::Mutex::default(),
        }
    }

    /// Returns a working connection to the database that was opened. A loss since its last use is
    /// detected here.
    pub(super) async fn connection(&self) -> Result<PoolConnection<Db>, Error> {
        let mut others = self.identity.others();
        tokio::select! {
            biased;
            connection = self.pool.acquire() => connection.map_err(|error| self.sort(error)),
            // The pool would keep trying.
            Ok(()) = others.changed() => Err(Error::Replaced {
                place: self.place.clone(),
                reason: others.borrow().clone(),
            }),
        }
    }

    /// The rows of one statement.
    pub(super) async fn fetch_all(
        &self,
        query: Query<'_, Db, PgArguments>,
    ) -> Result<Vec<PgRow>, Error> {
        let mut connection = self.connection().await?;
        let rows = tokio::time::timeout(CALL_TIMEOUT, query.fetch_all(&mut *connection)).await;
        self.answered(connection, rows)
    }

    /// Handles the answer to a call; the connection is reused only if that is safe: after an error
    /// its state is not examined.
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
        answer.map_err(|error| self.sort(error))
    }
}

/// A timeout, as the system reports it.
pub(super) fn late() -> sqlx::Error {
    sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())
}
