//! Whether the ledger may lack what was done after its last page, in PostgreSQL.

use sqlx::PgConnection;
use tokio::time::timeout;

use super::{Postgres, connection::CALL};
use crate::store::Error;

impl Postgres {
    pub(super) async fn read_gap(&self) -> Result<bool, Error> {
        let sql = "SELECT name FROM counter WHERE name = 'gap'";
        Ok(!self.fetch(sqlx::query(sql)).await?.is_empty())
    }

    pub(super) async fn write_gap(&self) -> Result<(), Error> {
        let sql = "INSERT INTO counter (name, value) VALUES ('gap', 1) ON CONFLICT DO NOTHING";
        let mut connection = self.connection().await?;
        let written = timeout(CALL, sqlx::query(sql).execute(&mut *connection)).await;
        self.answered(connection, written).map(drop)
    }
}

/// What the ledger may lack was taken account of.
pub(super) async fn close(to: &mut PgConnection) -> Result<(), sqlx::Error> {
    let sql = "DELETE FROM counter WHERE name = 'gap'";
    sqlx::query(sql).execute(to).await.map(drop)
}
