//! The identity of a database. If another one was put in its place, nothing is read or written:
//! this process's state does not match it.

use std::sync::Arc;

use sqlx::{PgConnection, Row};
use tokio::sync::watch;

/// The database that was opened.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    id: Arc<str>,
    /// The other database last found in its place.
    other: watch::Sender<String>,
}

impl Identity {
    /// Reads the identity of the database behind a connection.
    pub async fn read(connection: &mut PgConnection) -> Result<Self, sqlx::Error> {
        let row = row(connection).await?.ok_or(sqlx::Error::RowNotFound)?;
        Ok(Self {
            id: row.as_str().into(),
            other: watch::Sender::default(),
        })
    }

    /// Notifies when something else is found in its place from now on.
    pub fn others(&self) -> watch::Receiver<String> {
        self.other.subscribe()
    }

    /// Fails if another database is behind a connection, and notifies waiting callers.
    pub async fn check(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let found = match row(connection).await {
            Ok(Some(id)) if *id == *self.id => return Ok(()),
            Ok(Some(_)) => "another one of utakata was made in its place".to_owned(),
            Ok(None) => "nothing in it says which one it is".to_owned(),
            Err(sqlx::Error::Database(error)) if super::error::is_absent(error.as_ref()) => {
                format!("its tables are gone: {}", error.message())
            }
            Err(error) => return Err(error),
        };
        self.other.send_replace(found.clone());
        Err(sqlx::Error::Configuration(found.into()))
    }
}

async fn row(connection: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    let sql = "SELECT id::text FROM identity WHERE one = 1";
    let row = sqlx::query(sql).fetch_optional(connection).await?;
    Ok(row.map(|row| row.get(0)))
}
