//! The store of several machines: a PostgreSQL database.
//!
//! Connections come from a pool and are reopened after they were lost. Every call has a deadline. A
//! page is one transaction of few statements, however many rows it has: columns are sent as arrays.

mod batch;
mod connection;
mod copy;
mod error;
mod identity;
mod lease;
mod open;
mod session;
mod snapshot;

use async_trait::async_trait;
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgRow},
};
use tokio::time::Instant;

use super::{
    Error, Place, Snapshot, Store,
    sql::{Sql, Statement, columns},
};
use crate::config::Url;
use session::{MOMENT, Transaction};

/// A database of PostgreSQL.
pub struct Postgres {
    place: Place,
    options: PgConnectOptions,
    pool: PgPool,
    identity: identity::Identity,
    /// The time when a page was last looked up on another connection.
    looked: parking_lot::Mutex<Option<Instant>>,
}

impl Postgres {
    /// Opens the store, migrating the database where needed. If several processes do so at the same
    /// time, one migrates and the others wait.
    ///
    /// # Errors
    /// The database does not answer, denies access, is damaged, or was written by a newer version.
    pub async fn open(url: &Url) -> Result<Self, Error> {
        open::open(url).await
    }
}

columns!(PgRow);

impl Sql for Postgres {
    type Row = PgRow;
    type Reading<'s> = Transaction<'s>;
    type Writing<'s> = Transaction<'s>;

    const IS_OPEN: &'static str = "is_open";
    // A column rather than a look into the body: PostgreSQL reads no JSON that contains a NUL.
    const UNDOES: &'static str = "undoes";
    // So no file is removed while a release starts to use it.
    const ALONE: Option<&'static str> = Some("LOCK TABLE release IN SHARE ROW EXCLUSIVE MODE");

    fn among(parameter: u8) -> String {
        format!("= ANY(${parameter})")
    }

    fn place(&self) -> &Place {
        &self.place
    }

    fn sort(&self, error: sqlx::Error) -> Error {
        error::sort(&self.place, error)
    }

    /// The disk belongs to another program.
    fn check_room(&self, _: u64) -> Result<(), Error> {
        Ok(())
    }

    async fn fetch(&self, statement: Statement<'_>) -> Result<Vec<PgRow>, Error> {
        self.fetch_all(session::query(statement)).await
    }

    async fn moment(&self) -> Result<Transaction<'_>, Error> {
        Transaction::begin(self, MOMENT).await
    }

    async fn begin(&self) -> Result<Transaction<'_>, Error> {
        Transaction::begin(self, "BEGIN").await
    }

    /// The log belongs to another program.
    async fn shorten_log(&self) {}

    async fn rewrite(&self) -> Result<(), Error> {
        let mut connection = open::connect(&self.place, &self.options).await?;
        let rewritten = sqlx::query("VACUUM FULL credential").execute(&mut connection);
        let rewritten = rewritten.await.map(drop);
        rewritten.map_err(|error| self.sort(error))
    }

    async fn open_snapshot(&self) -> Result<Box<dyn Snapshot>, Error> {
        self.read_snapshot().await
    }
}

#[async_trait]
impl Store for Postgres {
    async fn close(&self) {
        // A hanging connection does not delay the end.
        let _ = tokio::time::timeout(connection::CONNECT_TIMEOUT, self.pool.close()).await;
    }
}
