//! Whether the ledger may lack what was done after its last page, in SQLite.

use sqlx::SqliteConnection;

use super::Sqlite;
use crate::store::Error;

impl Sqlite {
    pub(super) async fn read_gap(&self) -> Result<bool, Error> {
        let sql = "SELECT 1 FROM counter WHERE name = 'gap'";
        let row = sqlx::query(sql).fetch_optional(&self.readers()).await;
        Ok(row.map_err(|error| self.failed(error))?.is_some())
    }

    pub(super) async fn write_gap(&self) -> Result<(), Error> {
        let mut transaction = self.writer.begin().await?;
        let sql = "INSERT INTO counter (name, value) VALUES ('gap', 1) ON CONFLICT DO NOTHING";
        let written = sqlx::query(sql).execute(&mut *transaction).await;
        transaction.end(written.map(drop)).await
    }
}

/// What the ledger may lack was taken account of.
pub(super) async fn close(to: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let sql = "DELETE FROM counter WHERE name = 'gap'";
    sqlx::query(sql).execute(to).await.map(drop)
}
